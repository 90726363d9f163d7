import { type Lifeboat, openLifeboat } from '@lifeboat/core'
import { listenForCancel } from './cancellation.js'
import type { CliIo, Prompts } from './cli-io.js'
import { terminalPrompts } from './confirm.js'
import { findConfig, loadConfig, noConfig } from './load-config.js'
import { addressOpener, isAddress, keysFromEnvironment } from './open-address.js'
import { createProgress, type Progress } from './progress/progress.js'
import { type Colours, coloursFor } from './render/colours.js'
import { describeError } from './render/describe-error.js'
import { oneLine } from './render/one-line.js'
import { UsageError } from './usage-error.js'

/** The options that every command takes. */
export interface GlobalOptions {
  readonly config?: string | undefined
  readonly json?: boolean | undefined
  readonly quiet?: boolean | undefined
  /** False with --no-color. */
  readonly color?: boolean | undefined
}

/** One run of one command: what it may use of the world. */
export interface Session {
  readonly io: CliIo
  readonly globals: GlobalOptions
  readonly signal: AbortSignal
  readonly progress: Progress
  /** For stdout. */
  readonly colours: Colours
  readonly prompts: Prompts
  readonly now: () => Date
  /** Talk, on stderr; nothing with --quiet. */
  say(line: string): void
  /** A warning, on stderr, always. */
  warn(line: string): void
  /** A failure that does not end the command: `error:` and `hint:` on stderr. */
  report(error: unknown, about?: string): void
  /** A line of the answer ahead of its end; nothing with --json. */
  print(line: string): void
  /** The toolkit. `backup` is the name the command was given, which may be an address outside the configuration. */
  open(backup?: string): Promise<Lifeboat>
  /** The products named, or all; refuses a name that is not configured. */
  chooseProducts(lifeboat: Lifeboat, named: readonly string[]): readonly string[]
  /** For what runs until it is told to end: see {@link Cancellation.gently}. */
  stopGently(words: string): AbortSignal
  stop(): void
}

export function startSession(io: CliIo, globals: GlobalOptions): Session {
  const errorColours = coloursFor(io.stderr, io, globals.color !== false)
  const now = io.now ?? (() => new Date())
  const quiet = globals.quiet === true
  const stderr = (line: string) => {
    progress.pause()
    io.stderr.write(`${line}\n`)
  }
  const say = (line: string) => {
    if (!quiet) stderr(line)
  }
  const warn = (line: string) => stderr(`${errorColours.yellow('warning:')} ${oneLine(line)}`)
  const progress = createProgress({ stderr: io.stderr, quiet, now, say, warn })
  const cancellation = listenForCancel(io, () => progress.pause())
  return {
    io,
    globals,
    now,
    progress,
    say,
    warn,
    signal: cancellation.signal,
    colours: coloursFor(io.stdout, io, globals.color !== false),
    prompts: io.prompts ?? terminalPrompts(io, cancellation.signal),
    report(error, about) {
      const { message, hint } = describeError(error)
      stderr(`${errorColours.red('error:')} ${about === undefined ? '' : `${about}: `}${message}`)
      if (hint !== null) stderr(`${errorColours.cyan('hint:')} ${hint}`)
      if (io.env.LIFEBOAT_DEBUG === '1' && error instanceof Error) stderr(stackOf(error))
    },
    print(line) {
      progress.pause()
      if (!globals.json) io.stdout.write(`${line}\n`)
    },
    open: backup => open(io, globals, backup),
    chooseProducts(lifeboat, named) {
      const unknown = named.find(name => !lifeboat.products.includes(name))
      if (unknown !== undefined) {
        throw new UsageError(
          `the configuration has no product ${JSON.stringify(oneLine(unknown))}`,
          `it has: ${lifeboat.products.join(', ')}`,
        )
      }
      return named.length > 0 ? [...new Set(named)] : lifeboat.products
    },
    stopGently: words => cancellation.gently(words),
    stop() {
      progress.pause()
      cancellation.stop()
    },
  }
}

async function open(io: CliIo, globals: GlobalOptions, backup: string | undefined): Promise<Lifeboat> {
  const openWith = io.openLifeboat ?? openLifeboat
  const file = findConfig(io, globals.config)
  const outside = backup !== undefined && isAddress(backup, io.cwd)
  if (file === undefined && !outside) throw noConfig(io)
  const loaded = file === undefined ? undefined : await loadConfig(file)
  return openWith(loaded?.config, {
    configFolder: loaded?.folder ?? io.cwd,
    openStore: await addressOpener(io, backup === undefined ? [] : [backup]),
    keys: keysFromEnvironment(io),
  })
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by: ${stackOf(error.cause)}` : ''
  return `${(error.stack ?? '').split('\n').map(oneLineKeepingIndent).join('\n')}${cause}`
}

function oneLineKeepingIndent(line: string): string {
  return line.startsWith('    ') ? `    ${oneLine(line)}` : oneLine(line)
}
