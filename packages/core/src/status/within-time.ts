import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'

/**
 * What `work` resolves to, or an error once the time is up, also where the work pays no attention to its signal.
 * @throws BackupError `timed-out`
 */
export async function withinTime<T>(
  work: (signal: AbortSignal) => Promise<T>,
  limit: { readonly ms: number; readonly doing: string; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  const { ms, doing, signal } = limit
  throwIfCancelled(signal)
  const own = new AbortController()
  const tooLate = () => new BackupError('timed-out', `no answer within ${Math.round(ms / 100) / 10} s: ${doing}`)
  let onAbort = () => {}
  let timer: NodeJS.Timeout | undefined
  const end = new Promise<never>((_, reject) => {
    const stop = (reason: unknown) => {
      reject(reason)
      own.abort(reason)
    }
    onAbort = () => stop(signal?.reason)
    timer = setTimeout(() => stop(tooLate()), ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
  // Whichever of the two comes second is of no interest any more.
  end.catch(() => {})
  try {
    const working = work(own.signal)
    // The same.
    working.catch(() => {})
    return await Promise.race([working, end])
  } catch (error) {
    throwIfCancelled(signal)
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
