import type { Job } from '../config/jobs.js'
import { type AlertEntry, entryKey } from './alert-state.js'

/** The code of a finding that a channel cannot be reached. */
export const channelFailed = 'alert-channel-failed'

/** As a ping is called beside the channels; none of these may have such a name. */
export function pingName(job: Job): string {
  return `ping-${job}`
}

/** Why something was not sent; null: it was. */
export type ChannelFailure = { readonly message: string; readonly hint: string | null } | null

/** Notes that a channel failed, or works again. */
export function noteChannel(
  entries: Map<string, AlertEntry>,
  channel: string,
  failure: ChannelFailure,
  at: string,
): void {
  const key = entryKey({ code: channelFailed, subject: channel })
  const known = entries.get(key)
  if (failure === null) {
    if (known?.closedAt === null) entries.set(key, { ...known, closedAt: at, changedAt: at })
    return
  }
  entries.set(key, {
    ...{ code: channelFailed, subject: channel, severity: 'warning', hint: failure.hint },
    message: `alerts do not reach ${channel}: ${failure.message}`.slice(0, 2000),
    since: known?.closedAt === null ? known.since : at,
    ...{
      seenAt: at,
      changedAt: at,
      closedAt: null,
      source: 'channel',
      job: null,
      destination: null,
      sent: known?.sent ?? {},
    },
  })
}
