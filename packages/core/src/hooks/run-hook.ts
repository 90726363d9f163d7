import { delimiter } from 'node:path'
import type { CommandHook, HookConfig, HookFacts } from '../config/hooks-schema.js'
import { isSecret } from '../config/secret.js'
import { formatDuration } from '../config/units.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import type { Redactor } from '../http/redactor.js'
import { runCommand } from './run-command.js'

/** What a command may see of our own environment: how to find programs and write text, and no secret. */
const inherited =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|COMSPEC|PATHEXT)$/i

/** The most of a command's output that is shown: its end. */
const shownCharacters = 4_096

export interface HookWork {
  readonly hook: HookConfig
  readonly facts: HookFacts
  /** Commands run in this folder. */
  readonly folder: string
  readonly redact: Redactor
  readonly signal: AbortSignal | undefined
}

/**
 * Runs one hook to its end, within its time. Resolves to the end of what a command wrote, without secrets.
 * @throws BackupError `hook-failed`, `secret-missing`, or what the signal says
 */
export async function runHook(work: HookWork): Promise<string> {
  const { hook, signal } = work
  const { signal: within, expired } = timeLimit(hook.timeout, signal)
  try {
    if (hook.kind === 'command') return await runCommandHook(hook, work, within, expired)
    await orAborted(Promise.resolve(hook.call(work.facts, { signal: within })), within)
    return ''
  } catch (error) {
    if (signal?.aborted) throw cancellation(signal)
    if (expired()) throw tookTooLong(work)
    if (isBackupError(error)) throw error
    const why = error instanceof Error ? error.message.split('\n')[0] || error.name : String(error)
    throw new BackupError('hook-failed', `${nameOf(work)} failed: ${work.redact(why)}`, { cause: error })
  }
}

async function runCommandHook(
  hook: CommandHook,
  work: HookWork,
  signal: AbortSignal,
  expired: () => boolean,
): Promise<string> {
  const env = { ...environmentOf(work.facts), ...readAll(hook.environment) }
  const end = await runCommand(hook.argv, { env, cwd: work.folder, signal })
  const output = work.redact(end.output).slice(-shownCharacters)
  if (work.signal?.aborted) throw cancellation(work.signal)
  if (expired()) throw tookTooLong(work)
  if (end.error !== undefined)
    throw new BackupError('hook-failed', `${nameOf(work)} could not be started: ${end.error.message}`, {
      hint: `is ${hook.argv[0]} there and executable, seen from ${work.folder}?`,
      cause: end.error,
    })
  if (end.status === 0) return output
  const how = end.signal === null ? `ended with status ${end.status}` : `was ended by ${end.signal}`
  const last = output.trim().split('\n').at(-1)?.trim() ?? ''
  throw new BackupError('hook-failed', `${nameOf(work)} ${how}${last === '' ? '' : `: ${last.slice(0, 500)}`}`, {
    hint: 'run the command by hand, or set its onFailure to warn',
  })
}

/** Does not wait for a function that ignores its signal. */
function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** An abort that tells its own time from the caller's. */
function timeLimit(timeoutMs: number, signal: AbortSignal | undefined) {
  const limit = AbortSignal.timeout(timeoutMs)
  return { signal: signal ? AbortSignal.any([signal, limit]) : limit, expired: () => limit.aborted }
}

function tookTooLong(work: HookWork): BackupError {
  return new BackupError(
    'hook-failed',
    `${nameOf(work)} did not end within ${formatDuration(work.hook.timeout)} and was stopped`,
    { hint: 'give it more time with timeout, or set its onFailure to warn' },
  )
}

function nameOf({ facts }: HookWork): string {
  return `the hook ${facts.hook} of ${facts.product}`
}

function environmentOf(facts: HookFacts): NodeJS.ProcessEnv {
  const ours = Object.entries(process.env).filter(([name]) => inherited.test(name))
  const told = {
    LIFEBOAT_HOOK: facts.hook,
    LIFEBOAT_PRODUCT: facts.product,
    LIFEBOAT_SET: facts.set,
    LIFEBOAT_BACKUP_ID: facts.backup,
    LIFEBOAT_REASON: facts.reason,
    LIFEBOAT_TARGET: facts.target,
    LIFEBOAT_STATUS: facts.status,
    LIFEBOAT_ERROR_CODE: facts.error?.code ?? null,
    LIFEBOAT_ERROR: facts.error?.message ?? null,
  }
  return {
    PATH: ['/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
    ...Object.fromEntries(ours),
    ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null)),
  }
}

function readAll(environment: CommandHook['environment']): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, isSecret(value) ? value.read() : value]),
  )
}
