import type { openLifeboat } from '@lifeboat/core'

/** One of the two output streams, as the commands see it. */
export interface CliWriter {
  write(text: string): void
  readonly isTTY: boolean
  /** The width of the terminal. Default: 80. */
  readonly columns?: number | undefined
  /** The real stream behind a terminal; the progress bar and the prompts draw on it. */
  readonly stream?: NodeJS.WriteStream | undefined
}

/** Where answers to questions come from. */
export interface CliReader {
  readonly isTTY: boolean
  readonly stream?: NodeJS.ReadStream | undefined
}

/** How a question is put to a person; `undefined` means that they cancelled. */
export interface Prompts {
  confirm(message: string): Promise<boolean | undefined>
  text(message: string): Promise<string | undefined>
  /** Like `text`, and nobody who looks on can read it. */
  secret(message: string): Promise<string | undefined>
}

/** Everything of the outside world that {@link run} touches by itself, so that a test can stand in for it. */
export interface CliIo {
  readonly stdout: CliWriter
  readonly stderr: CliWriter
  readonly stdin: CliReader
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Calls the listener on every SIGINT and SIGTERM, and on the first SIGHUP, until the returned function is called. */
  onSignal(listener: () => void): () => void
  /** Leaves the process at once; only a second Ctrl-C does. */
  exit(status: number): void
  /** Default: `openLifeboat` of `@lifeboat/core`. */
  readonly openLifeboat?: typeof openLifeboat | undefined
  /** Default: questions on the terminal. */
  readonly prompts?: Prompts | undefined
  /** Default: the system's browser. */
  readonly openPage?: ((file: string) => Promise<void>) | undefined
  /** Default: the system's clock. */
  readonly now?: (() => Date) | undefined
}
