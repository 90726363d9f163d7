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
  if (job === null) return `lifeboat doctor ${product}`
  if (job !== 'verify') return `lifeboat ${job} ${product}`
  const destination = name === undefined || name === 'verify' || code.endsWith('-failed') ? entry.destination : name
  return `lifeboat verify ${product}/latest${destination ? ` --destination ${destination}` : ''}`
}
