import type { SecretReference } from '../../config/secret.js'
import type { NotifyDeps } from '../notify-deps.js'
import { type Sent, sendHttp } from './send-http.js'

/** The signals of https://healthchecks.io/docs/http_api/ that are used. A log line changes nothing there. */
export type PingSignal = 'start' | 'success' | 'fail' | 'log'

/** What is kept of a body there is 100 kB, and 10 kB on many servers of one's own. */
const bodyLength = 9000

export async function sendPing(
  url: SecretReference,
  what: PingSignal,
  body: string,
  deps: NotifyDeps,
  signal?: AbortSignal,
): Promise<Sent> {
  return sendHttp(
    {
      url: addressOf(url.read(), what),
      headers: () => ({ 'content-type': 'text/plain; charset=utf-8' }),
      body: body.slice(0, bodyLength),
      hint: `check the ${url.description}: the address of a check, such as https://hc-ping.com/…, without /start or /fail`,
    },
    deps,
    signal,
  )
}

/** The signal is the last part of the path, in front of parameters. One that is no URL is told by the sender. */
function addressOf(text: string, what: PingSignal): string {
  if (what === 'success' || !URL.canParse(text)) return text
  const url = new URL(text)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${what}`
  return url.href
}
