import { BackupError } from '@lifeboat/core'
import type { CliIo } from './cli-io.js'
import { exitStatus } from './exit-status.js'

/** A signal that Ctrl-C aborts; the second Ctrl-C leaves at once. */
export interface Cancellation {
  readonly signal: AbortSignal
  /**
   * From now on the first Ctrl-C asks to end, by aborting `signal`; the second aborts the signal that is returned, and the
   * third leaves at once.
   * @param words what is said at the first one
   */
  gently(words: string): AbortSignal
  stop(): void
}

/** Listens until `stop`. `before` runs ahead of what is printed, to clear a progress bar. */
export function listenForCancel(io: CliIo, before: () => void): Cancellation {
  const controller = new AbortController()
  const cancelled = () => new BackupError('cancelled', 'cancelled')
  let gentle: { readonly words: string; readonly cancel: AbortController } | undefined
  const stop = io.onSignal(() => {
    before()
    if (gentle !== undefined && !controller.signal.aborted) {
      io.stderr.write(`${gentle.words}\n`)
      return controller.abort(cancelled())
    }
    const { signal } = gentle?.cancel ?? controller
    if (signal.aborted) return io.exit(exitStatus.cancelled)
    io.stderr.write('cancelling, press Ctrl-C again to leave at once\n')
    const ending = gentle?.cancel ?? controller
    ending.abort(cancelled())
  })
  return {
    signal: controller.signal,
    gently(words) {
      gentle ??= { words, cancel: new AbortController() }
      return gentle.cancel.signal
    },
    stop,
  }
}
