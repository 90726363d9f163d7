import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const repository = fileURLToPath(new URL('../../../', import.meta.url))
const scripts = join(repository, 'scripts', 'test-s3')
const cephRoot = join(repository, '.tools', 'ceph')
const startLimitMs = 180_000

/** A user without rights of its own. */
export interface S3Guest {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** As policies name it. */
  readonly principal: string
}

/** An S3 service for tests. */
export interface S3Service {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Another user of the service, who may do what the policy of a bucket says. */
  readonly guest: S3Guest
  /** Ends exactly the processes that were started; nothing for a service that was there before. */
  stop(): Promise<void>
}

/** A service that answers later. */
export interface ComingS3Service extends S3Service {
  /** @throws Error that says what to do when there is none */
  readonly ready: Promise<void>
}

/**
 * The S3 service that tests run against: the one that `LIFEBOAT_TEST_S3_ENDPOINT`, `LIFEBOAT_TEST_S3_ACCESS_KEY` and
 * `LIFEBOAT_TEST_S3_SECRET_KEY` name (and a second user: `LIFEBOAT_TEST_S3_GUEST_…`), else a Ceph on a free loopback port with its data in memory. Ceph is fetched once,
 * into `.tools/ceph` of the repository. It ends with this process, however that ends.
 */
export async function startS3Service(): Promise<S3Service> {
  const service = await beginS3Service()
  await service.ready
  return service
}

/** As {@link startS3Service}, but Ceph is fetched and started meanwhile: where and who is known at once. */
export async function beginS3Service(): Promise<ComingS3Service> {
  const endpoint = process.env.LIFEBOAT_TEST_S3_ENDPOINT
  if (endpoint) {
    const accessKeyId = fromEnvironment('LIFEBOAT_TEST_S3_ACCESS_KEY')
    const secretAccessKey = fromEnvironment('LIFEBOAT_TEST_S3_SECRET_KEY')
    const guest = {
      accessKeyId: fromEnvironment('LIFEBOAT_TEST_S3_GUEST_ACCESS_KEY'),
      secretAccessKey: fromEnvironment('LIFEBOAT_TEST_S3_GUEST_SECRET_KEY'),
      principal: fromEnvironment('LIFEBOAT_TEST_S3_GUEST_PRINCIPAL'),
    }
    return { endpoint, accessKeyId, secretAccessKey, guest, ready: Promise.resolve(), stop: async () => {} }
  }
  const { ports, release } = await holdPorts(2)
  const [s3Port, monitorPort] = ports as [number, number]
  const accessKeyId = `test${randomBytes(6).toString('hex')}`
  const secretAccessKey = randomBytes(20).toString('hex')
  const guest: S3Guest = {
    accessKeyId: `guest${randomBytes(6).toString('hex')}`,
    secretAccessKey: randomBytes(20).toString('hex'),
    principal: 'arn:aws:iam:::user/guest',
  }
  const keys = {
    LIFEBOAT_CEPH_ACCESS_KEY: accessKeyId,
    LIFEBOAT_CEPH_SECRET_KEY: secretAccessKey,
    LIFEBOAT_CEPH_GUEST_ACCESS_KEY: guest.accessKeyId,
    LIFEBOAT_CEPH_GUEST_SECRET_KEY: guest.secretAccessKey,
  }
  const started = ensureCeph()
    .finally(release)
    .then(() => startCeph(s3Port, monitorPort, keys))
    .catch((error: unknown) => {
      throw new Error(
        'there is no S3 service to test against: Ceph could not be fetched or started. Set LIFEBOAT_TEST_S3_ENDPOINT, ' +
          'LIFEBOAT_TEST_S3_ACCESS_KEY and LIFEBOAT_TEST_S3_SECRET_KEY to use another one, such as a MinIO container',
        { cause: error },
      )
    })
  const ready = started.then(() => {})
  // A failure is met where the service is needed.
  ready.catch(() => {})
  const stop = async () => {
    await started.then(
      end => end(),
      () => {},
    )
  }
  return { endpoint: `http://127.0.0.1:${s3Port}`, accessKeyId, secretAccessKey, guest, ready, stop }
}

async function ensureCeph(): Promise<void> {
  try {
    await access(join(cephRoot, 'usr', 'bin', 'radosgw'))
  } catch {
    // The script gives the folder its name when it is complete, so a half-made one is never found here. Other tests run
    // meanwhile, and go first.
    await run('nice', [join(scripts, 'get-ceph.sh'), cephRoot], { maxBuffer: 64 * 1024 * 1024 })
  }
}

/** Gives what ends it. */
async function startCeph(
  s3Port: number,
  monitorPort: number,
  keys: Readonly<Record<string, string>>,
): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-s3-'))
  const args = ['--attached', cephRoot, join(folder, 'state'), String(s3Port), String(monitorPort)]
  const child = spawn(join(scripts, 'ceph-up.sh'), args, {
    env: { ...process.env, ...keys },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const stop = async () => {
    const gone = exitOf(child)
    child.stdin?.end()
    await gone
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await readyLine(child)
    // An idle pipe must not keep the test run alive.
    child.stdout?.resume()
    return stop
  } catch (error) {
    await stop()
    throw error
  }
}

/** Waits for the line that says that S3 answers. */
function readyLine(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const timer = setTimeout(() => reject(new Error(`Ceph was not up in time: ${said.slice(-2000)}`)), startLimitMs)
    const settle = (act: () => void) => {
      clearTimeout(timer)
      act()
    }
    const onData = (chunk: Buffer) => {
      said += chunk.toString()
      if (/^READY \S+$/m.test(said)) settle(resolve)
    }
    child.stdout?.on('data', onData)
    child.stderr?.on('data', onData)
    child.once('error', error => settle(() => reject(error)))
    child.once('exit', code => settle(() => reject(new Error(`ceph-up.sh ended with ${code}: ${said.slice(-2000)}`))))
  })
}

function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise(resolve => void child.once('exit', () => resolve()))
}

/** Free ports, which nobody else gets until they are released. */
async function holdPorts(count: number): Promise<{ readonly ports: number[]; readonly release: () => Promise<void> }> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map(server => (server.address() as { port: number }).port)
  const release = async () => {
    await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  }
  return { ports, release }
}

function fromEnvironment(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`LIFEBOAT_TEST_S3_ENDPOINT is set but ${name} is not`)
  return value
}
