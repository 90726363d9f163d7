import { isJob, type Job, type ObjectJob, scheduledJobs, setOfJob } from '../config/jobs.js'
import { isProductName } from '../repository/layout.js'

type Named = { readonly code: string; readonly subject: string | null }

const ofBackups = new Set(['backup-missing', 'backup-too-old', 'destination-behind'])
/** Of a place or of the alerts themselves: whoever is told of any job is told of it, unless only of some. */
const ofNone = new Set(['store-unreachable', 'manifest-invalid', 'records-refused', 'alert-channel-failed'])

/** The job that a finding belongs to, for channels that hear of some jobs only. What is not known is found by verifying. */
export function jobOf({ code, subject }: Named): Job | null {
  if (subject !== null && setOfJob(subject) !== undefined && isJob(subject)) return subject
  const [set = ''] = (subject ?? '').split(' ')
  if (code.startsWith('objects-') && isProductName(set)) return `${objectJobOf(code)}:${set}`
  const named = scheduledJobs.find(job => job === subject || code === `${job}-failed`)
  if (named !== undefined) return named
  if (ofNone.has(code) || code.startsWith('provider-') || code.startsWith('project-')) return null
  if (ofBackups.has(code) || code.startsWith('backup-')) return 'backup'
  if (code.startsWith('drill-') || code.startsWith('rto-')) return 'drill'
  if (code.startsWith('prune-') || code.startsWith('retention-')) return 'prune'
  return 'verify'
}

/** The job of a set that a finding belongs to: by default its copy. */
function objectJobOf(code: string): ObjectJob {
  if (code === 'objects-verify-failed' || code === 'objects-verification-failed' || code === 'objects-not-verified')
    return 'verify'
  return code === 'objects-prune-failed' ? 'prune' : 'copy'
}
