import { type ScheduledJob, scheduledJobs } from '../config/schedule-schema.js'

type Named = { readonly code: string; readonly subject: string | null }

const ofBackups = new Set(['backup-missing', 'backup-too-old', 'destination-behind'])
/** Of a place or of the alerts themselves: whoever is told of any job is told of it, unless only of some. */
const ofNone = new Set(['store-unreachable', 'manifest-invalid', 'records-refused', 'alert-channel-failed'])

/** The job that a finding belongs to, for channels that hear of some jobs only. What is not known is found by verifying. */
export function jobOf({ code, subject }: Named): ScheduledJob | null {
  const named = scheduledJobs.find(job => job === subject || code === `${job}-failed`)
  if (named !== undefined) return named
  if (ofNone.has(code) || code.startsWith('provider-') || code.startsWith('project-')) return null
  if (ofBackups.has(code) || code.startsWith('backup-')) return 'backup'
  if (code.startsWith('drill-') || code.startsWith('rto-')) return 'drill'
  if (code.startsWith('prune-') || code.startsWith('retention-')) return 'prune'
  return 'verify'
}
