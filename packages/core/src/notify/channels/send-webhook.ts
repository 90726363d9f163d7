import type { WebhookConfig } from '../../config/notify-schema.js'
import type { AlertMessage } from '../alert-message.js'
import type { NotifyDeps } from '../notify-deps.js'
import { deliveryHeader, signatureHeader, signWebhook, timestampHeader } from '../webhook-signature.js'
import { type Sent, sendHttp } from './send-http.js'

/** The message as JSON, signed with the time of each attempt. */
export async function sendWebhook(
  { url, secret }: WebhookConfig,
  message: AlertMessage,
  deps: NotifyDeps,
  signal?: AbortSignal,
): Promise<Sent> {
  const key = secret.read()
  const body = JSON.stringify(message)
  return sendHttp(
    {
      url: url.read(),
      headers: () => {
        const timestamp = Math.floor(deps.now() / 1000)
        return {
          'content-type': 'application/json',
          [timestampHeader]: String(timestamp),
          [signatureHeader]: signWebhook(key, timestamp, body),
          [deliveryHeader]: message.id,
        }
      },
      body,
      secrets: [key],
      hint: `see what the receiver says about it, and check the ${url.description}`,
    },
    deps,
    signal,
  )
}
