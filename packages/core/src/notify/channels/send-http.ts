import { throwIfCancelled } from '../../errors/cancelled.js'
import { wordsOf } from '../../http/http-failure.js'
import { readBody } from '../../http/read-body.js'
import { redactor } from '../../http/redactor.js'
import { retryDelay } from '../../http/retry-delay.js'
import { nextDelayMs } from '../../retry/retry-policy.js'
import type { NotifyDeps } from '../notify-deps.js'

/** What came of a message: whether it was taken, and what to say about it. Never an address or a password. */
export interface Sent {
  readonly ok: boolean
  readonly message: string
  readonly hint: string | null
}

export interface HttpMessage {
  /** A secret in most cases. */
  readonly url: string
  readonly method?: 'POST' | 'GET' | undefined
  /** Made anew for each attempt, as a signature is of its time. */
  readonly headers: () => Readonly<Record<string, string>>
  readonly body: string
  /** What else must not be shown. */
  readonly secrets?: readonly string[] | undefined
  /** What to do about a refusal. */
  readonly hint: string
}

/**
 * Sends a message over HTTP: again where that can help, as late as the service asks, and not for longer than allowed.
 * An answer that got lost may mean that it arrives twice.
 */
export async function sendHttp(message: HttpMessage, deps: NotifyDeps, signal?: AbortSignal): Promise<Sent> {
  const refused = checkAddress(message.url)
  if (refused !== undefined) return refused
  const deadline = AbortSignal.timeout(deps.messageMs)
  const bound = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
  for (let failures = 0, waitedMs = 0; ; ) {
    const { sent, again, headers } = await attempt(message, deps, bound)
    throwIfCancelled(signal)
    failures += 1
    if (sent.ok || !again) return sent
    const asked = retryDelay(headers, failures, deps)
    const delayMs = nextDelayMs(deps.retry, { failures, waitedMs, askedMs: asked.asked ? asked.ms : 0 }, deps.random)
    if (delayMs === undefined || deadline.aborted) return sent
    waitedMs += delayMs
    try {
      await deps.sleep(delayMs, bound)
    } catch {
      // The time for it is over: what the last attempt gave is what there is to say.
      throwIfCancelled(signal)
      return sent
    }
  }
}

async function attempt(
  { url, method = 'POST', headers, body, secrets = [], hint }: HttpMessage,
  deps: NotifyDeps,
  bound: AbortSignal,
): Promise<{ readonly sent: Sent; readonly again: boolean; readonly headers?: Headers }> {
  const timeout = AbortSignal.timeout(deps.attemptMs)
  const redact = redactor([url, ...partsOf(url), ...secrets], [])
  try {
    const response = await deps.fetch(url, {
      method,
      headers: { 'user-agent': 'lifeboat', ...headers() },
      body: method === 'GET' ? undefined : body,
      // An address that moved is told, not followed: what it moved to is nobody's choice.
      redirect: 'manual',
      signal: AbortSignal.any([bound, timeout]),
    })
    const answer = await readBody(response)
    const said = wordsOf(answer)
    const text = `${response.status}${said === undefined ? '' : ` ${redact(said)}`}`
    if (response.ok) return { sent: { ok: true, message: text, hint: null }, again: false }
    const again = response.status === 429 || response.status === 408 || response.status >= 500
    return { sent: { ok: false, message: `it answers ${text}`, hint }, again, headers: response.headers }
  } catch (error) {
    const message = timeout.aborted || bound.aborted ? 'it does not answer in time' : reasonOf(error)
    return { sent: { ok: false, message: redact(message), hint }, again: true }
  }
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at its address',
  ENOTFOUND: 'its host name is not known',
  EAI_AGAIN: 'its host name cannot be looked up now',
  ECONNRESET: 'it closed the connection',
  UND_ERR_SOCKET: 'it closed the connection',
  EHOSTUNREACH: 'its host cannot be reached',
  ENETUNREACH: 'there is no network to it',
  ETIMEDOUT: 'it does not answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer in time',
  UND_ERR_HEADERS_TIMEOUT: 'it does not answer in time',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not to be trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not to be trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not to be trusted',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

/** Why a connection failed, by its code: the words of the system name hosts and addresses. */
export function reasonOf(error: unknown): string {
  for (let one: unknown = error, depth = 0; one instanceof Error && depth < 5; depth++) {
    const first: unknown = one instanceof AggregateError ? one.errors[0] : one
    const code = first instanceof Error && 'code' in first ? String(first.code) : ''
    if (reasons[code] !== undefined) return `${reasons[code]} (${code})`
    if (/^[A-Z][A-Z0-9_]{2,40}$/.test(code) && one.cause === undefined) return `it cannot be reached (${code})`
    one = one.cause
  }
  return 'it cannot be reached'
}

/** An address may hold the secret in its path or its parameters, and an answer may quote any part of it. */
function partsOf(url: string): string[] {
  const { pathname, search, username, password } = new URL(url)
  const long = (text: string) => text.length >= 6
  return [username, password, pathname, ...pathname.split('/'), search].filter(long)
}

/** No alert and no secret travels in clear, but to this machine. */
export function checkAddress(text: string): Sent | undefined {
  const refuse = (message: string) => ({
    ok: false,
    message,
    hint: 'correct the secret: an address as the service gives it',
  })
  if (!URL.canParse(text)) return refuse('its address is not a URL')
  const { protocol, hostname } = new URL(text)
  const local = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(hostname)
  return protocol === 'https:' || (protocol === 'http:' && local)
    ? undefined
    : refuse('its address must begin with https://')
}
