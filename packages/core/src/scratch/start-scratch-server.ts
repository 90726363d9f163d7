import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { BackupError } from '../errors/backup-error.js'
import { cancellation, throwIfCancelled } from '../errors/cancelled.js'
import { chooseClusterParent } from './choose-parent-folder.js'
import { serverUser } from './drop-privileges.js'
import { findServerBinaries } from './find-server-binaries.js'
import { freePort } from './free-port.js'
import { initCluster, scratchUser } from './init-cluster.js'
import { type OrphanGuard, startOrphanGuard } from './orphan-guard.js'
import { type ServerLaunch, type ServerProcess, startServerProcess } from './server-process.js'
import { usableBinaries } from './usable-binaries.js'

const host = '127.0.0.1'
const portAttempts = 5
const readyWithinMs = 60_000

export interface ScratchServerOptions {
  /** The Postgres major to start; the next newer one when this machine does not have it. Default: what is found first. */
  readonly major?: number | undefined
  /** Cancels the start. A server that runs is stopped by `stop()` only. */
  readonly signal?: AbortSignal | undefined
  /** Server settings, over the defaults of a cluster that nobody will miss. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** Where the server's folder is made. Default: /dev/shm with more than 1 GiB free, else the folder for temporary files. */
  readonly parentFolder?: string | undefined
  /** The name of its superuser. Default: `postgres`. */
  readonly superuser?: string | undefined
  /** Folders of the caller's own that go, too, when this process is killed. Default: none. */
  readonly alsoRemove?: readonly string[] | undefined
}

/** A Postgres that runs until `stop()`. */
export interface ScratchServer {
  /** A `postgres://` address of a database on it, with the password. Default: `postgres`. */
  url(database?: string): string
  readonly host: string
  readonly port: number
  /** A superuser. */
  readonly user: string
  readonly password: string
  readonly major: number
  /** As Postgres writes it: `15.18`. */
  readonly version: string
  readonly folder: string
  /** Stops the server and removes its folder. Calling it again is harmless. */
  stop(): Promise<void>
}

/** Fast and forgetful: a crash loses the cluster, which is what a throw-away cluster is for. */
const defaultSettings: Readonly<Record<string, string>> = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  // Rows loaded in the transaction that made their table skip the log altogether.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '1GB',
  checkpoint_timeout: '30min',
  maintenance_work_mem: '128MB',
  autovacuum: 'on',
  jit: 'off',
  logging_collector: 'off',
  log_statement: 'none',
  log_min_error_statement: 'panic',
}

/**
 * Starts a throw-away Postgres on 127.0.0.1 with a random password; resolves when it answers queries. It also ends
 * with this process, however that ends.
 * @throws BackupError `tool-missing` without server binaries, `cancelled`, `unexpected` when it does not come up
 */
export async function startScratchServer(options: ScratchServerOptions = {}): Promise<ScratchServer> {
  const { signal } = options
  throwIfCancelled(signal)
  const user = await serverUser()
  const parent = await chooseClusterParent(options.parentFolder, user)
  const { binaries, copyFolder } = await usableBinaries(
    await findServerBinaries(options.major),
    user,
    options.parentFolder,
  )
  const superuser = options.superuser ?? scratchUser
  const password = randomBytes(18).toString('base64url')

  const folders = copyFolder === null ? [] : [copyFolder]
  let guard: OrphanGuard | undefined
  let server: ServerProcess | undefined
  const cleanUp = async () => {
    await server?.stop()
    await guard?.dismiss()
    for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  try {
    const folder = await mkdtemp(join(parent, 'lifeboat-postgres-'))
    folders.push(folder)
    guard = startOrphanGuard(join(folder, 'cluster'), [...folders, ...(options.alsoRemove ?? [])])
    if (user !== undefined) await chown(folder, user.uid, user.gid)
    const cluster = await initCluster({ binaries, user, folder, superuser, password, signal })
    const settings = { ...defaultSettings, ...sharedMemorySettings(parent), ...options.settings }
    const launch = { binaries, user, folder, cluster, settings }
    const started = await startOnFreePort(launch, { superuser, password }, signal, process => {
      server = process
    })
    let stopped: Promise<void> | undefined
    return {
      url: database => address(started.port, { superuser, password }, database),
      host,
      port: started.port,
      user: superuser,
      password,
      major: binaries.major,
      version: binaries.version,
      folder,
      stop: () => {
        stopped ??= cleanUp()
        return stopped
      },
    }
  } catch (error) {
    await cleanUp()
    throw error
  }
}

interface Login {
  readonly superuser: string
  readonly password: string
}

function address(port: number, { superuser, password }: Login, database = 'postgres'): string {
  return `postgres://${superuser}:${password}@${host}:${port}/${encodeURIComponent(database)}`
}

/** Where /dev/shm is too small for the cluster it is too small for parallel queries too: they fail there, not in a file. */
function sharedMemorySettings(parent: string): Record<string, string> {
  const small = process.platform === 'linux' && !parent.startsWith('/dev/shm')
  return small ? { dynamic_shared_memory_type: 'mmap' } : {}
}

async function startOnFreePort(
  launch: Omit<ServerLaunch, 'port'>,
  login: Login,
  signal: AbortSignal | undefined,
  onStart: (server: ServerProcess) => void,
): Promise<{ port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort()
    const server = startServerProcess({ ...launch, port })
    onStart(server)
    if (await becomesReady(server, address(port, login), signal)) return { port }
    const log = server.log()
    const portWasTaken = /could not bind|could not create any TCP/.test(log)
    if (portWasTaken && attempt < portAttempts) continue
    const reason = /(?:FATAL|PANIC):\s*(.*)/.exec(log)?.[1] ?? 'its log says nothing'
    throw new BackupError(
      'unexpected',
      `the scratch server (Postgres ${launch.binaries.version}) did not start: ${reason}`,
      {
        hint: portWasTaken
          ? 'free some ports of 127.0.0.1'
          : 'check the settings it was given, free memory and free space',
      },
    )
  }
}

/** True as soon as a real connection works; false when the server ended instead. */
async function becomesReady(server: ServerProcess, url: string, signal: AbortSignal | undefined): Promise<boolean> {
  const deadline = Date.now() + readyWithinMs
  for (;;) {
    if (signal?.aborted) throw cancellation(signal)
    if (server.hasEnded()) return false
    const failure = await connectOnce(url)
    if (failure === undefined) return true
    if (Date.now() > deadline) {
      const hint = 'the machine may be overloaded: try again'
      throw new BackupError('timed-out', 'the scratch server did not answer within 60 s', { hint, cause: failure })
    }
    await sleep(25)
  }
}

/** Undefined when it worked, else why not. */
async function connectOnce(url: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  // A connection that breaks after the answer is none of our concern here.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
    return undefined
  } catch (error) {
    return error
  } finally {
    // One that never was open, or broke, has no end to come to.
    await client.end().catch(() => {})
  }
}
