import { type AlertState, entryKey } from './alert-state.js'
import { type ChannelFailure, noteChannel } from './channel-entries.js'
import type { PlannedMessage } from './plan-alerts.js'

/** What became of one planned message. */
export interface MessageOutcome {
  readonly message: PlannedMessage
  readonly failure: ChannelFailure
}

/**
 * The memory after sending: who was told what, and which channels do not work, which is itself a finding. What could not
 * be sent stays to be sent. Pure.
 */
export function noteDeliveries(state: AlertState, outcomes: readonly MessageOutcome[], now: Date): AlertState {
  const at = now.toISOString()
  const entries = new Map(state.entries.map(entry => [entryKey(entry), entry]))
  const messages: Record<string, string[]> = { ...state.messages }
  for (const { message, failure } of outcomes) {
    const { channel } = message
    noteChannel(entries, channel, failure, at)
    if (failure !== null) continue
    messages[channel] = [...(messages[channel] ?? []), at]
    for (const { what, entry } of message.events) {
      const known = entries.get(entryKey(entry))
      if (known === undefined) continue
      const { [channel]: _told, ...others } = known.sent
      const sent = what === 'recovered' ? others : { ...others, [channel]: { severity: entry.severity, at } }
      entries.set(entryKey(entry), { ...known, sent, changedAt: at })
    }
  }
  return { ...state, entries: [...entries.values()], messages }
}
