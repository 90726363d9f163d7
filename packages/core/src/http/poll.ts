import { BackupError } from '../errors/backup-error.js'
import { type HttpDeps, nodeHttpDeps } from './http-deps.js'

export interface PollOptions {
  /** For the message when the time is over. */
  readonly what: string
  readonly everyMs: number
  readonly timeoutMs: number
  readonly hint?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly deps?: Pick<HttpDeps, 'sleep' | 'now'> | undefined
}

/**
 * Looks until there is something to see.
 * @throws BackupError `timed-out`; what the look throws; the signal's reason
 */
export async function poll<T>(look: () => Promise<T | undefined>, options: PollOptions): Promise<T> {
  const { sleep, now } = options.deps ?? nodeHttpDeps()
  const until = now() + options.timeoutMs
  while (true) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (now() + options.everyMs > until) {
      throw new BackupError('timed-out', `${options.what}: not in ${Math.round(options.timeoutMs / 1000)} s`, {
        hint: options.hint,
      })
    }
    await sleep(options.everyMs, options.signal)
  }
}
