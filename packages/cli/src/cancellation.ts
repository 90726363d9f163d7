import { BackupError } from '@lifeboat/core'
import type { CliIo } from './cli-io.js'
import { exitStatus } from './exit-status.js'

/** A signal that Ctrl-C aborts; the second Ctrl-C leaves at once. */
export interface Cancellation {
  readonly signal: AbortSignal
  stop(): void
}

/** Listens until `stop`. `before` runs ahead of what is printed, to clear a progress bar. */
export function listenForCancel(io: CliIo, before: () => void): Cancellation {
  const controller = new AbortController()
  const stop = io.onSignal(() => {
    before()
    if (controller.signal.aborted) return io.exit(exitStatus.cancelled)
    io.stderr.write('cancelling, press Ctrl-C again to leave at once\n')
    controller.abort(new BackupError('cancelled', 'cancelled'))
  })
  return { signal: controller.signal, stop }
}
