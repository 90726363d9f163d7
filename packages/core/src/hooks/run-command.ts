import { type ChildProcess, spawn } from 'node:child_process'

/** The most of a command's output that is kept, its end: more than is shown, so that a secret is whole when it is cut out. */
const keptCharacters = 65_536
/** How long a group may take to go when it is asked to. */
const killAfterMs = 2_000

export interface CommandEnd {
  /** Null: a signal ended it. */
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  /** Why it could not be started. */
  readonly error: Error | undefined
  /** The end of what it wrote, on both streams. */
  readonly output: string
}

/**
 * Runs a program in a process group of its own and waits for it. When the signal aborts, or this process ends, the whole
 * group is ended: what the program started goes with it.
 */
export async function runCommand(
  argv: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd: string; readonly signal: AbortSignal },
): Promise<CommandEnd> {
  const [file, ...args] = argv
  let output = ''
  const child = spawn(file!, args, {
    ...{ cwd: options.cwd, env: options.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  })
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-keptCharacters)
    })
  let giveUp: NodeJS.Timeout | undefined
  const stop = () => {
    endGroup(child, 'SIGTERM')
    giveUp ??= setTimeout(() => endGroup(child, 'SIGKILL'), killAfterMs)
  }
  const stopNow = () => endGroup(child, 'SIGKILL')
  options.signal.addEventListener('abort', stop, { once: true })
  process.once('exit', stopNow)
  try {
    if (options.signal.aborted) stop()
    const { status, signal, error } = await endOf(child)
    return { status, signal, error, output }
  } finally {
    options.signal.removeEventListener('abort', stop)
    process.off('exit', stopNow)
    clearTimeout(giveUp)
    // What it left running in the background when it was stopped would outlive it.
    if (options.signal.aborted) endGroup(child, 'SIGKILL')
    child.stdout.destroy()
    child.stderr.destroy()
  }
}

/** Its own end, not that of pipes which something it left in the background may hold open. */
function endOf(child: ChildProcess): Promise<Omit<CommandEnd, 'output'>> {
  return new Promise(resolve => {
    child.once('error', error => resolve({ status: null, signal: null, error }))
    child.once('exit', (status, signal) => {
      // What is in the pipes by now is still read.
      setImmediate(() => resolve({ status, signal, error: undefined }))
    })
  })
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // The group is gone already.
  }
}
