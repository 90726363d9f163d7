import { type ObjectJob, setOfJob } from '../config/jobs.js'
import { isProductName } from '../repository/layout.js'
import type { AlertEntry } from './alert-state.js'
import { channelFailed } from './channel-entries.js'
import { jobOf } from './jobs-of-findings.js'

/**
 * What to type about a finding. A subject comes out of a store that others may write to, so only one that is a name
 * becomes a word of a command.
 */
export function commandFor(product: string, entry: Pick<AlertEntry, 'code' | 'subject' | 'destination'>): string {
  const { code, subject } = entry
  const name = [entry.destination, subject].find(one => one !== null && isProductName(one))
  if (code === channelFailed) return `lifeboat notify test ${product}${name ? ` --channel ${name}` : ''}`
  if (code === 'backup-failed') return `lifeboat doctor ${product} && lifeboat backup ${product}`
  const job = jobOf(entry)
  const set = job === null ? undefined : setOfJob(job)
  if (set !== undefined) return commandForSet(product, set, entry)
  if (job === null) return `lifeboat doctor ${product}`
  if (job !== 'verify') return `lifeboat ${job} ${product}`
  const destination = name === undefined || name === 'verify' || code.endsWith('-failed') ? entry.destination : name
  return `lifeboat verify ${product}/latest${destination ? ` --destination ${destination}` : ''}`
}

function commandForSet(
  product: string,
  { does, set }: { readonly does: ObjectJob; readonly set: string },
  { code, subject, destination }: Pick<AlertEntry, 'code' | 'subject' | 'destination'>,
): string {
  if (does === 'copy') {
    const first = code === 'objects-copy-failed' ? `lifeboat doctor ${product} && ` : ''
    return `${first}lifeboat objects backup ${product} ${set}`
  }
  if (does === 'prune') return `lifeboat objects prune ${product} ${set} --apply`
  const at = [destination, subject?.split(' ')[1]].find(one => one != null && isProductName(one))
  return `lifeboat objects verify ${product} ${set}${at ? ` --destination ${at}` : ''}`
}
