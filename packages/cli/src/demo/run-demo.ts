import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BackupError,
  type BackupEvent,
  directory,
  generateKeyPair,
  type Lifeboat,
  nodeDeps,
  openLifeboat,
  secret,
} from '@lifeboat/core'
import { type ScratchServer, startScratchServer } from '@lifeboat/core/scratch'
import { formatBytes, plural } from '../render/quantities.js'
import { compareDescriptions } from './compare-databases.js'
import { compareRowCounts, dropDatabase, loadNewDatabase } from './demo-server.js'
import { describeDatabase } from './describe-database.js'

/** A step that is done. */
export interface DemoStep {
  readonly step: string
  readonly detail: string
  readonly durationMs: number
}

export interface DemoOptions {
  readonly openLifeboat?: typeof openLifeboat | undefined
  /** Keep the folder with the backup and its keys. Default: false. */
  readonly keep?: boolean | undefined
  /** As for a restore. Default: 2. */
  readonly jobs?: number | undefined
  readonly signal: AbortSignal
  readonly onStep: (step: DemoStep) => void
  readonly onEvent: (event: BackupEvent) => void
}

export interface DemoResult {
  /** Whether nothing differs between the database that was lost and the one that came back. */
  readonly ok: boolean
  readonly serverVersion: string
  readonly steps: readonly DemoStep[]
  readonly differences: readonly string[]
  readonly tables: number
  readonly rows: number
  readonly durationMs: number
  /** The folder that was kept; null without `keep`. */
  readonly folder: string | null
}

/**
 * The whole promise, by the public API alone: back up a database, verify the backup, lose the database, restore it
 * under a new name, and compare the two. Whatever happens, the server and its folders are gone afterwards.
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-demo-'))
  // A second Ctrl-C ends the process without coming back here; the server has a guard of its own for that.
  const removeNow = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeNow)
  let server: ScratchServer | undefined
  let finished = false
  try {
    const result = await perform(options, folder, started => {
      server = started
    })
    finished = true
    return result
  } finally {
    await server?.stop()
    process.off('exit', removeNow)
    if (!(options.keep && finished)) await rm(folder, { recursive: true, force: true })
  }
}

async function perform(
  options: DemoOptions,
  folder: string,
  onServer: (server: ScratchServer) => void,
): Promise<DemoResult> {
  const { signal, onEvent } = options
  const startedMs = performance.now()
  const steps: DemoStep[] = []
  const step = async <T>(name: string, work: () => Promise<T>, detail: (value: T) => string): Promise<T> => {
    signal.throwIfAborted()
    const beganMs = performance.now()
    const value = await work()
    const done = { step: name, detail: detail(value), durationMs: Math.round(performance.now() - beganMs) }
    steps.push(done)
    options.onStep(done)
    return value
  }

  const server = await step(
    'start a throw-away Postgres',
    // A server that the pg_dump of this machine can read.
    async () => startScratchServer({ signal, major: (await nodeDeps().findPgTools()).at(-1)?.major }),
    one => `Postgres ${one.version}`,
  )
  onServer(server)
  await step(
    'load a small shop',
    () => loadNewDatabase(server.url(), server.url('shop'), 'shop'),
    () => 'database shop',
  )
  const lifeboat = await step(
    'make a key pair, open the toolkit',
    () => openToolkit(options, folder, server.url('shop')),
    () => 'OpenPGP, readable by gpg',
  )
  const backup = await step(
    'back it up',
    () => lifeboat.backup('shop', { reason: 'demo', signal, onEvent }),
    ({ manifest }) => {
      const artifact = manifest.artifacts[0]!
      return `${formatBytes(artifact.plainBytes)} dumped, ${formatBytes(artifact.storedBytes)} stored`
    },
  )
  const name = `shop/${backup.id}`
  await step(
    'verify it to the last row',
    async () => {
      const report = await lifeboat.verify(name, { level: 'content', signal, onEvent })
      const broken = report.findings.find(finding => finding.severity === 'critical')
      if (!report.ok)
        throw new BackupError('object-damaged', `the backup did not verify: ${broken?.message ?? 'no reason given'}`)
      return report
    },
    report => `${plural(report.tables ?? 0, 'table')}, ${plural(report.rows ?? 0, 'row')}`,
  )
  const before = await step(
    'note what is in the database',
    () => describeDatabase(server.url('shop')),
    one => `${plural(countObjects(one.objects), 'object')}`,
  )
  await step(
    'lose the database',
    () => dropDatabase(server.url(), 'shop'),
    () => 'drop database shop',
  )
  const restored = await step(
    'restore it under a new name',
    () => {
      return lifeboat.restore(name, {
        to: server.url('shop_restored'),
        create: true,
        jobs: options.jobs,
        signal,
        onEvent,
      })
    },
    one => `${plural(one.rows, 'row')} into shop_restored`,
  )
  const differences = await step(
    'compare every table and definition',
    async () => {
      const after = await describeDatabase(server.url('shop_restored'))
      const counts = await compareRowCounts(server.url('shop_restored'), backup.manifest)
      return [...compareDescriptions(before, after), ...counts]
    },
    one => (one.length === 0 ? 'no difference' : plural(one.length, 'difference')),
  )

  return {
    ok: differences.length === 0,
    serverVersion: server.version,
    steps,
    differences,
    tables: restored.tables,
    rows: restored.rows,
    durationMs: Math.round(performance.now() - startedMs),
    folder: options.keep ? folder : null,
  }
}

async function openToolkit(options: DemoOptions, folder: string, url: string): Promise<Lifeboat> {
  const keys = await generateKeyPair({ name: 'Lifeboat demo' })
  const [recipient, privateKey, store] = [
    join(folder, 'public.asc'),
    join(folder, 'private.asc'),
    join(folder, 'backups'),
  ]
  await writeFile(recipient, keys.publicKey)
  await writeFile(privateKey, keys.privateKey, { mode: 0o600 })
  await mkdir(store, { mode: 0o700 })
  const open = options.openLifeboat ?? openLifeboat
  return open({
    products: {
      shop: {
        source: { url: secret.value(url, 'the demo server') },
        encryption: { recipients: [recipient], privateKey, signingKey: privateKey },
        destinations: { local: { store: directory(store) } },
      },
    },
  })
}

function countObjects(objects: Readonly<Record<string, Readonly<Record<string, string>>>>): number {
  return Object.values(objects).reduce((sum, kind) => sum + Object.keys(kind).length, 0)
}
