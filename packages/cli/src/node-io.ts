import type { CliIo, CliWriter } from './cli-io.js'

/** The real process as a {@link CliIo}. A reader that went away (`| head`) ends the output quietly, not the work. */
export function nodeIo(): CliIo {
  return {
    stdout: writerOf(process.stdout),
    stderr: writerOf(process.stderr),
    stdin: { isTTY: process.stdin.isTTY === true, stream: process.stdin },
    env: process.env,
    cwd: process.cwd(),
    exit: status => process.exit(status),
    onSignal(listener) {
      process.on('SIGINT', listener)
      process.on('SIGTERM', listener)
      // A terminal that is closed, a connection that breaks. The kernel and the shell both say so: it counts once, as the
      // second signal would end everything at once.
      let hungUp = false
      const hangUp = () => {
        if (!hungUp) listener()
        hungUp = true
      }
      process.on('SIGHUP', hangUp)
      return () => {
        process.off('SIGHUP', hangUp)
        process.off('SIGINT', listener)
        process.off('SIGTERM', listener)
      }
    },
  }
}

function writerOf(stream: NodeJS.WriteStream): CliWriter {
  let open = true
  stream.on('error', (error: NodeJS.ErrnoException) => {
    open = false
    if (error.code !== 'EPIPE') process.exitCode = 1
  })
  return {
    write(text) {
      if (open) stream.write(text)
    },
    get isTTY() {
      return stream.isTTY === true
    },
    get columns() {
      return stream.columns
    },
    stream,
  }
}

/** Resolves when everything written so far has left the process, or can no longer. */
export function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.destroyed || !stream.writable) return Promise.resolve()
  return new Promise(resolve => {
    stream.once('error', () => resolve())
    stream.once('close', () => resolve())
    stream.write('', () => resolve())
  })
}
