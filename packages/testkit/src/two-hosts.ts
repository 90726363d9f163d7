import { type ChildProcess, spawn } from 'node:child_process'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { registerSecret, writeLine } from './leaks/leak-record.js'

const packages = fileURLToPath(new URL('../../', import.meta.url))
const built = (name: string, file = 'index.js') => join(packages, name, 'dist', file)

/** A process of a host, from its start to its end. */
export interface HostProcess {
  readonly child: ChildProcess
  /** Resolves when it has ended. */
  readonly ended: Promise<{ readonly status: number | null; readonly said: string }>
}

/** Makes processes that back one product up into one store, as several hosts do. */
export interface Hosts {
  /** `lifeboat backup` of the built command line. */
  backup(sourceUrl: string): HostProcess
  /** The same through the library, with a lease that tests can wait for. Ends with 11 when it is locked. */
  backupWithLease(sourceUrl: string, leaseMs: number): HostProcess
  /** Ends what still runs, by its id, and removes the folder. */
  close(): Promise<void>
}

/**
 * @param store the text of an expression that makes the store, in a module where `directory`, `s3` and `env` are known
 * @param env what the processes find in their environment besides ours
 */
export async function hostsOn(store: string, env: Readonly<Record<string, string>> = {}): Promise<Hosts> {
  for (const file of [built('core'), built('provider-s3'), built('cli', 'bin.js')]) {
    await access(file).catch(() => {
      throw new Error(`${file} is missing: these tests run the built packages, run \`pnpm run build\` first`)
    })
  }
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-hosts-'))
  const config = `{
    products: {
      shop: {
        source: { url: secret.env('HOST_SOURCE_URL') },
        encryption: { passphrase: secret.env('HOST_PASSPHRASE') },
        destinations: { shared: { store: ${store} } },
      },
    },
  }`
  const head = (core: string, s3: string) => `
    import { defineConfig, directory, openLifeboat, secret } from '${core}'
    import { s3 } from '${s3}'
    const { env } = process
  `
  const configFile = join(folder, 'lifeboat.config.mjs')
  await writeFile(
    configFile,
    `${head('@lifeboat/core', '@lifeboat/provider-s3')}\nexport default defineConfig(${config})`,
  )
  const script = join(folder, 'backup.mjs')
  await writeFile(
    script,
    `${head(built('core'), built('provider-s3'))}
    const lifeboat = await openLifeboat(${config}, { deps: { lockLeaseMs: Number(env.HOST_LEASE_MS) } })
    try {
      await lifeboat.backup('shop')
    } catch (error) {
      console.error(error.code, error.message, error.hint)
      process.exit(error.code === 'locked' ? 11 : 1)
    }
    process.exit(0)`,
  )
  for (const [name, value] of Object.entries(env)) if (/SECRET/.test(name)) registerSecret(value)
  const running = new Set<ChildProcess>()
  const start = (args: readonly string[], more: Readonly<Record<string, string>>): HostProcess => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, HOST_PASSPHRASE: 'correct horse battery', ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.add(child)
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const ended = new Promise<{ status: number | null; said: string }>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', status => {
        running.delete(child)
        writeLine({ kind: 'output', from: `a process of ${args[0]}`, text: said })
        resolve({ status, said })
      })
    })
    return { child, ended }
  }
  return {
    backup: HOST_SOURCE_URL => start([built('cli', 'bin.js'), 'backup', '--config', configFile], { HOST_SOURCE_URL }),
    backupWithLease: (HOST_SOURCE_URL, leaseMs) => start([script], { HOST_SOURCE_URL, HOST_LEASE_MS: String(leaseMs) }),
    async close() {
      for (const child of running) child.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
