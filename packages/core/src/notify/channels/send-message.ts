import { isBackupError } from '../../errors/backup-error.js'
import { throwIfCancelled } from '../../errors/cancelled.js'
import type { AlertMessage } from '../alert-message.js'
import type { NotifyDeps } from '../notify-deps.js'
import type { Channel } from '../notify-policy.js'
import type { Sent } from './send-http.js'
import { sendMail } from './send-mail.js'
import { sendSlack } from './send-slack.js'
import { sendWebhook } from './send-webhook.js'

/** Where and with what messages are sent. */
export interface SendWork {
  /** Where relative paths of the configuration begin. */
  readonly folder: string
  readonly deps: NotifyDeps
  readonly signal?: AbortSignal | undefined
}

/** Sends a message through a channel. Whatever goes wrong is what it resolves to; only cancelling rejects. */
export async function sendMessage(channel: Channel, message: AlertMessage, work: SendWork): Promise<Sent> {
  const { deps, signal } = work
  return guarded(signal, () => {
    if (channel.kind === 'slack') return sendSlack(channel.settings, message, deps, signal)
    if (channel.kind === 'webhook') return sendWebhook(channel.settings, message, deps, signal)
    return sendMail(channel.settings, message, work)
  })
}

/** What a sender throws, such as for a secret that is not set, as what came of it. */
export async function guarded(signal: AbortSignal | undefined, send: () => Promise<Sent>): Promise<Sent> {
  try {
    return await send()
  } catch (error) {
    throwIfCancelled(signal)
    if (isBackupError(error)) return { ok: false, message: error.message, hint: error.hint ?? null }
    // Words of the system or of a library may quote what must not be shown.
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    return { ok: false, message: `it could not be sent${code}`, hint: 'check the settings of this channel' }
  }
}
