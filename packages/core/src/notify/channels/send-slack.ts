import type { SlackConfig } from '../../config/notify-schema.js'
import type { AlertMessage } from '../alert-message.js'
import type { NotifyDeps } from '../notify-deps.js'
import { type Sent, sendHttp } from './send-http.js'
import { slackPayload } from './slack-blocks.js'

export async function sendSlack(
  { webhook }: SlackConfig,
  message: AlertMessage,
  deps: NotifyDeps,
  signal?: AbortSignal,
): Promise<Sent> {
  return sendHttp(
    {
      url: webhook.read(),
      headers: () => ({ 'content-type': 'application/json; charset=utf-8' }),
      body: JSON.stringify(slackPayload(message, new Date(message.sentAt))),
      hint: `check the incoming webhook in Slack, and the ${webhook.description}`,
    },
    deps,
    signal,
  )
}
