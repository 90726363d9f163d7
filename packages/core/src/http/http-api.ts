import { isSecret, type SecretReference } from '../config/secret.js'
import { BackupError } from '../errors/backup-error.js'
import { type HttpDeps, nodeHttpDeps } from './http-deps.js'
import { type HttpExplanation, type HttpRefusal, noAnswerError, refusalError } from './http-failure.js'
import { readBody } from './read-body.js'
import { type Redactor, redactor } from './redactor.js'
import { retryDelay } from './retry-delay.js'

/** Settings of an {@link HttpApi}. */
export interface HttpApiOptions {
  /** How the service is called in messages: `Supabase`. */
  readonly service: string
  /** `https://…`; plain `http://` only to this machine, so that no token travels in clear. */
  readonly baseUrl: string
  /** Sent as `Authorization: Bearer …`; read at each call. Default: none. */
  readonly token?: SecretReference | undefined
  /** What else is a secret wherever it shows up, by its shape. */
  readonly secretShapes?: readonly RegExp[] | undefined
  /** Per attempt, the body included. Default: 30 s. */
  readonly timeoutMs?: number | undefined
  /** How often a call is sent at most. Default: 5. */
  readonly attempts?: number | undefined
  /** The longest wait that a service may ask for before the call gives up. Default: 2 minutes. */
  readonly longestWaitMs?: number | undefined
  /** What the vendor's package knows better than a status alone. */
  readonly explain?: ((refusal: HttpRefusal) => HttpExplanation | undefined) | undefined
  readonly deps?: Partial<HttpDeps> | undefined
}

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the base URL, with its slash; parts that come from outside go through `encodeURIComponent`. */
  readonly path: string
  /** A list repeats the name. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>> | undefined
  /** Sent as JSON. Default: no body. */
  readonly body?: unknown
  /**
   * Whether it may be sent again after an attempt of which nobody knows whether it worked (5xx, a lost connection, no
   * answer in time). Default: true for GET, PUT and DELETE. A 429 and a refused connection are tried again in any case.
   */
  readonly idempotent?: boolean | undefined
  /** Refusals that are an answer here, such as a 404 that means "none". */
  readonly accept?: readonly number[] | undefined
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  /** Parsed where it is JSON, text where it is not, undefined where there is none. */
  readonly body: unknown
}

/** Calls to one service. */
export interface HttpApi {
  readonly service: string
  /** @throws BackupError one of `provider-*`, `secret-missing`; the signal's reason when it aborts */
  call(call: HttpCall): Promise<HttpAnswer>
  /** Cuts the token, and what has the shape of one, out of a text. */
  readonly redact: Redactor
}

/**
 * Makes calls to a JSON service: late token, time limits, waits where the service asks for them, repeats where that is
 * safe, and an error with a code and a hint for everything else. No network before the first call.
 * @throws BackupError `config-invalid`
 */
export function httpApi(options: HttpApiOptions): HttpApi {
  const { service, token } = options
  const baseUrl = checkBaseUrl(service, options.baseUrl)
  if (token !== undefined && !isSecret(token))
    throw new BackupError('config-invalid', `${service}: the token must be a secret, such as secret.env('NAME')`)
  const deps: HttpDeps = { ...nodeHttpDeps(), ...options.deps }
  const attempts = options.attempts ?? 5
  const longestWaitMs = options.longestWaitMs ?? 120_000
  const shapes = options.secretShapes ?? []
  // A token that cannot be read has nothing to hide; the call itself says that it is missing.
  const redact: Redactor = text => redactor(token === undefined ? [] : [readQuietly(token)], shapes)(text)

  return {
    service,
    redact,
    async call(call) {
      const { method, signal } = call
      const idempotent = call.idempotent ?? (method === 'GET' || method === 'PUT' || method === 'DELETE')
      for (let attempt = 1; ; attempt++) {
        const outcome = await attemptCall(call)
        if ('answer' in outcome) return outcome.answer
        const delay = retryDelay(outcome.headers, attempt, deps)
        const again = outcome.unsent || (outcome.passing && idempotent)
        if (!again || attempt >= attempts || delay.ms > longestWaitMs) throw outcome.error
        await deps.sleep(delay.ms, signal)
      }
    },
  }

  /** One attempt: an answer, or an error and what is known about it. */
  async function attemptCall(call: HttpCall): Promise<
    | { readonly answer: HttpAnswer }
    | {
        readonly error: BackupError
        /** The service did not act on it, for sure. */
        readonly unsent: boolean
        /** It may work another time. */
        readonly passing: boolean
        readonly headers?: Headers
      }
  > {
    const { method, path, signal } = call
    signal?.throwIfAborted()
    const timeout = AbortSignal.timeout(call.timeoutMs ?? options.timeoutMs ?? 30_000)
    const headers: Record<string, string> = { accept: 'application/json' }
    if (token !== undefined) headers.authorization = `Bearer ${token.read()}`
    if (call.body !== undefined) headers['content-type'] = 'application/json'
    let response: Response
    let body: unknown
    try {
      response = await deps.fetch(addressOf(baseUrl, call), {
        method,
        headers,
        redirect: 'manual',
        body: call.body === undefined ? undefined : JSON.stringify(call.body),
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      })
      body = await readBody(response)
    } catch (error) {
      signal?.throwIfAborted()
      const failure = noAnswerError(service, { method, path, timedOut: timeout.aborted }, error, redact)
      return { error: failure, unsent: wasNotSent(error), passing: true }
    }
    const { status } = response
    if ((status >= 200 && status < 300) || call.accept?.includes(status))
      return { answer: { status, headers: response.headers, body } }
    const refusal: HttpRefusal = { status, method, path, body }
    return {
      error: refusalError(service, refusal, redact, options.explain?.(refusal)),
      unsent: status === 429,
      passing: status >= 500 || status === 408,
      headers: response.headers,
    }
  }
}

function addressOf(baseUrl: string, { path, query = {} }: HttpCall): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) parameters.append(name, String(one))
  const text = parameters.toString()
  return `${baseUrl}${path}${text === '' ? '' : `?${text}`}`
}

/** Whether the connection failed before a byte of the request left. */
function wasNotSent(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  const code = typeof first === 'object' && first !== null && 'code' in first ? String(first.code) : ''
  return /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/.test(code)
}

function readQuietly(token: SecretReference): string {
  try {
    return token.read()
  } catch {
    return ''
  }
}

function checkBaseUrl(service: string, text: string): string {
  const refuse = (why: string) => new BackupError('config-invalid', `${service}: the address of the API ${why}`)
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw refuse('is not a URL')
  }
  const local = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local)) throw refuse('must begin with https://')
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw refuse('must be a plain address without login and parameters')
  return text.replace(/\/+$/, '')
}
