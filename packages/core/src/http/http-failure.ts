import { BackupError } from '../errors/backup-error.js'
import type { ErrorCode } from '../errors/error-code.js'
import type { Redactor } from './redactor.js'

/** An answer that says no. */
export interface HttpRefusal {
  readonly status: number
  readonly method: string
  readonly path: string
  /** Parsed where it is JSON, text where it is not, undefined where there is none. Not redacted. */
  readonly body: unknown
}

/** What a vendor's package knows better than the status alone. */
export interface HttpExplanation {
  readonly code?: ErrorCode | undefined
  readonly hint?: string | undefined
}

interface Meaning {
  readonly code: ErrorCode
  readonly says: string
  readonly hint: string
}

const meanings: Readonly<Record<number, Meaning>> = {
  401: {
    code: 'provider-auth-failed',
    says: 'does not accept the token',
    hint: 'the token is wrong, expired or revoked: make a new one and put it where the configuration reads it',
  },
  402: {
    code: 'provider-plan',
    says: 'does not include this in the plan',
    hint: 'upgrade the plan or buy the add-on, or do it another way: `lifeboat backup` works with every plan',
  },
  403: {
    code: 'provider-forbidden',
    says: 'does not allow this to the token',
    hint: "give the token the scope it lacks, or use one of a user with the right role; the provider's README lists scopes",
  },
  404: {
    code: 'provider-not-found',
    says: 'does not know it',
    hint: 'check the id in the configuration; a token of another account does not see it either',
  },
  409: {
    code: 'provider-conflict',
    says: 'is busy with something that excludes this',
    hint: 'wait until the operation under way has ended, then try again',
  },
  422: {
    code: 'provider-refused',
    says: 'cannot do that',
    hint: 'read its answer in the message',
  },
  429: {
    code: 'provider-rate-limited',
    says: 'asks for fewer requests',
    hint: 'wait a minute; other programs with a token of the same user share the limit',
  },
}

const serverTrouble: Meaning = {
  code: 'provider-unreachable',
  says: 'has trouble',
  hint: "try again; the provider's status page says whether it is known",
}
const otherRefusal: Meaning = { ...meanings[422]! }

/** The error for an answer that says no. */
export function refusalError(
  service: string,
  refusal: HttpRefusal,
  redact: Redactor,
  explanation: HttpExplanation = {},
): BackupError {
  const { status, method, path } = refusal
  const meaning = meanings[status] ?? (status >= 500 ? serverTrouble : otherRefusal)
  const said = wordsOf(refusal.body)
  const words = said === undefined ? '' : `: ${redact(said)}`
  return new BackupError(
    explanation.code ?? meaning.code,
    `${service} ${meaning.says} (${method} ${redact(path)}: ${status})${words}`,
    { hint: explanation.hint ?? meaning.hint },
  )
}

/** The error for a call that got no answer. */
export function noAnswerError(
  service: string,
  call: { readonly method: string; readonly path: string; readonly timedOut: boolean },
  error: unknown,
  redact: Redactor,
): BackupError {
  const why = call.timedOut ? 'no answer in time' : reasonOf(error)
  return new BackupError(
    'provider-unreachable',
    `${service} does not answer (${call.method} ${redact(call.path)}): ${redact(why)}`,
    { cause: error, hint: "check the network; the provider's status page says whether it is known" },
  )
}

/** What `fetch` hides in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0])
  if (cause instanceof Error) return cause.message || String((cause as { code?: unknown }).code ?? cause.name)
  return error.message
}

/** The service's own words: the usual places in JSON, else the beginning of a text that is no page. */
export function wordsOf(body: unknown): string | undefined {
  if (typeof body === 'string') {
    const text = oneLine(body)
    return text === '' || text.startsWith('<') ? undefined : text
  }
  if (typeof body !== 'object' || body === null) return undefined
  const record = body as Record<string, unknown>
  for (const key of ['message', 'error_description', 'description', 'detail']) {
    const value = record[key]
    if (typeof value === 'string' && value.trim() !== '') return oneLine(value)
    if (Array.isArray(value) && value.every(one => typeof one === 'string') && value.length > 0)
      return oneLine(value.join('; '))
  }
  return wordsOf(record.error)
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an answer must not be able to steer a terminal
  const line = text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim()
  return line.length > 300 ? `${line.slice(0, 297)}...` : line
}
