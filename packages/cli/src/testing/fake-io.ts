import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Lifeboat, LifeboatConfig, OpenOptions } from '@lifeboat/core'
import type { CliIo, Prompts } from '../cli-io.js'
import { run } from '../run.js'

const nobodyTold = { deliveries: [], warnings: [] }

/** What a test may set of the world. */
export interface World {
  readonly lifeboat?: Partial<Lifeboat>
  readonly open?: CliIo['openLifeboat']
  readonly env?: Readonly<Record<string, string>>
  readonly prompts?: Prompts
  /** The text of lifeboat.config.mjs; null for none. Default: an empty configuration, as the fakes do not read it. */
  readonly config?: string | null
  readonly terminal?: boolean
  readonly openPage?: CliIo['openPage']
  /** Called with a function that sends a signal. */
  readonly onStart?: (interrupt: () => void) => void
}

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  /** The statuses that `exit` was called with. */
  readonly exits: readonly number[]
  readonly opened: readonly { readonly config: LifeboatConfig | undefined; readonly options: OpenOptions }[]
  readonly cwd: string
  json(): Record<string, unknown>
}

/** Runs a command line in a folder of its own, which is gone afterwards. */
export async function runCli(
  argv: readonly string[],
  world: World = {},
  look?: (cwd: string) => Promise<void>,
): Promise<Ran> {
  const cwd = await mkdtemp(join(tmpdir(), 'lifeboat-cli-test-'))
  const written = { stdout: '', stderr: '' }
  const exits: number[] = []
  const opened: { config: LifeboatConfig | undefined; options: OpenOptions }[] = []
  const listeners = new Set<() => void>()
  const writer = (name: 'stdout' | 'stderr') => ({
    isTTY: world.terminal === true,
    columns: 100,
    write: (text: string) => {
      written[name] += text
    },
  })
  const io: CliIo = {
    stdout: writer('stdout'),
    stderr: writer('stderr'),
    stdin: { isTTY: world.terminal === true },
    env: world.env ?? {},
    cwd,
    exit: status => exits.push(status),
    onSignal(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    openLifeboat:
      world.open ??
      (async (config, options = {}) => {
        opened.push({ config, options })
        const alerts = { reportStart: async () => nobodyTold, reportRun: async () => nobodyTold }
        return { products: ['shop'], destinations: () => ['local'], ...alerts, ...world.lifeboat } as Lifeboat
      }),
    prompts: world.prompts,
    openPage: world.openPage,
    now: () => new Date('2026-11-21T12:00:00Z'),
  }
  try {
    const config = world.config === undefined ? 'export default { products: {} }' : world.config
    if (config !== null) await writeFile(join(cwd, 'lifeboat.config.mjs'), config)
    world.onStart?.(() => {
      for (const listener of listeners) listener()
    })
    const status = await run(argv, io)
    if (listeners.size > 0) throw new Error('a signal listener was left behind')
    await look?.(cwd)
    return { status, ...written, exits, opened, cwd, json: () => JSON.parse(written.stdout) }
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
}
