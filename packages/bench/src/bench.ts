import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as zlib from 'node:zlib'
import type { DrillReport } from '@lifeboat/core'
import type { S3Service } from '@lifeboat/testkit/s3-service'
import { type Measured, measure, measurePipeline } from './measure.ts'

const passphrase = 'bench-passphrase-of-some-length'
const bucket = 'lifeboat-bench'

/** The yardstick of a drill. */
export const bareRestoreName = 'createdb, pg_restore -j 2 of a local file'

interface Place {
  readonly source: string
  readonly administer: (sql: string) => Promise<void>
  readonly targetUrl: (database: string) => string
  readonly s3: S3Service
  readonly folder: string
}

interface MutableTiming {
  readonly name: string
  readonly seconds: number[]
  peakBytes: number
  storedBytes: number
}

/** Does each job in each way, and keeps the times. */
export class Bench {
  readonly exports: MutableTiming[] = []
  readonly checks: MutableTiming[] = []
  readonly restores: MutableTiming[] = []
  readonly drills: MutableTiming[] = []
  readonly runtimeHasZstd = 'zstdCompress' in zlib
  dumpBytes = 0
  readonly #place: Place
  readonly #environment: NodeJS.ProcessEnv
  readonly #gpg: string
  #put = ''
  #get = ''

  private constructor(place: Place) {
    this.#place = place
    const url = new URL(place.source)
    this.#environment = {
      ...process.env,
      PGHOST: url.hostname,
      PGPORT: url.port,
      PGUSER: decodeURIComponent(url.username),
      PGPASSWORD: decodeURIComponent(url.password),
      PGDATABASE: url.pathname.slice(1),
      GNUPGHOME: join(place.folder, 'gnupg'),
      AWS_ACCESS_KEY_ID: place.s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: place.s3.secretAccessKey,
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_REQUEST_CHECKSUM_CALCULATION: 'when_required',
      AWS_RESPONSE_CHECKSUM_VALIDATION: 'when_required',
      LIFEBOAT_BENCH_SOURCE: place.source,
      LIFEBOAT_BENCH_PASSPHRASE: passphrase,
    }
    writeFileSync(join(place.folder, 'passphrase'), passphrase, { mode: 0o600 })
    this.#gpg = `gpg --batch --quiet --pinentry-mode loopback --passphrase-file ${join(place.folder, 'passphrase')}`
  }

  static async open(place: Place): Promise<Bench> {
    const bench = new Bench(place)
    execFileSync('mkdir', ['-p', '-m', '700', join(place.folder, 'gnupg')])
    // The command line that people use; its address style is set in a file of its own.
    bench.#put = `aws --endpoint-url ${place.s3.endpoint} s3 cp --quiet - s3://${bucket}`
    bench.#get = `aws --endpoint-url ${place.s3.endpoint} s3 cp --quiet s3://${bucket}`
    writeFileSync(join(place.folder, 'aws'), '[default]\ns3 =\n    addressing_style = path\n')
    bench.#environment.AWS_CONFIG_FILE = join(place.folder, 'aws')
    execFileSync('aws', ['--endpoint-url', place.s3.endpoint, 's3', 'mb', `s3://${bucket}`], {
      env: bench.#environment,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    for (const codec of ['gzip', 'zstd'] as const) bench.#writeConfig(codec)
    return bench
  }

  async dumpOnly(): Promise<void> {
    this.#record(this.exports, 'pg_dump > /dev/null', await measurePipeline('pg_dump > /dev/null', this.#environment))
  }

  async plainPipeline(): Promise<void> {
    const run = await measurePipeline(
      `pg_dump | gzip | ${this.#gpg} --symmetric | ${this.#put}/plain.sql.gz.gpg`,
      this.#environment,
    )
    this.#record(this.exports, 'pg_dump | gzip | gpg | s3', run, this.#storedBytes('plain.sql.gz.gpg'))
  }

  async customPipeline(): Promise<void> {
    const run = await measurePipeline(
      `pg_dump -Fc | ${this.#gpg} --symmetric | ${this.#put}/custom.dump.gpg`,
      this.#environment,
    )
    this.#record(this.exports, 'pg_dump -Fc | gpg | s3', run, this.#storedBytes('custom.dump.gpg'))
  }

  async ours(codec: 'gzip' | 'zstd'): Promise<void> {
    const run = await this.#lifeboat(codec, ['backup', 'bench'])
    // The shape of `--json` is documented in docs/cli.md.
    const artifact = /"storedBytes":\s*(\d+)[\s\S]*?"plainBytes":\s*(\d+)/.exec(run.stdout)
    this.dumpBytes = Number(artifact?.[2] ?? 0)
    this.#record(this.exports, `lifeboat backup, ${codec}`, run, Number(artifact?.[1] ?? 0))
  }

  async verifyPipeline(): Promise<void> {
    this.#record(
      this.checks,
      's3 | gpg -d | gzip -t',
      await measurePipeline(`${this.#get}/plain.sql.gz.gpg - | ${this.#gpg} --decrypt | gzip -t`, this.#environment),
    )
  }

  async oursVerify(codec: 'gzip' | 'zstd'): Promise<void> {
    this.#record(
      this.checks,
      `lifeboat verify --level content, ${codec}`,
      await this.#lifeboat(codec, ['verify', 'latest', '--level', 'content']),
    )
  }

  async restorePipeline(): Promise<void> {
    await this.#place.administer('create database bench_target')
    try {
      const target = { ...this.#environment, ...targetOf(this.#place.targetUrl('bench_target')) }
      const run = await measurePipeline(
        `${this.#get}/plain.sql.gz.gpg - | ${this.#gpg} --decrypt | gunzip | psql -q -v ON_ERROR_STOP=1 > /dev/null`,
        target,
      )
      this.#record(this.restores, 's3 | gpg -d | gunzip | psql', run)
    } finally {
      await this.#place.administer('drop database bench_target with (force)')
    }
  }

  async oursRestore(codec: 'gzip' | 'zstd'): Promise<void> {
    this.#environment.LIFEBOAT_BENCH_TARGET = this.#place.targetUrl('bench_target')
    try {
      const run = await this.#lifeboat(codec, [
        'restore',
        'latest',
        '--to',
        'env:LIFEBOAT_BENCH_TARGET',
        '--create',
        '--jobs',
        '2',
        '--yes',
      ])
      this.#record(this.restores, `lifeboat restore --jobs 2, ${codec}`, run)
    } finally {
      await this.#place.administer('drop database if exists bench_target with (force)')
    }
  }

  /** What the bare restore reads. */
  async dumpToFile(): Promise<void> {
    await measurePipeline(`pg_dump -Fc > ${join(this.#place.folder, 'bare.dump')}`, this.#environment)
  }

  async bareRestore(server: { url(database?: string): string }): Promise<void> {
    const target = { ...this.#environment, ...targetOf(server.url('postgres')) }
    const file = join(this.#place.folder, 'bare.dump')
    const run = await measurePipeline(`createdb bare && pg_restore --no-owner --jobs 2 --dbname bare ${file}`, target)
    this.#record(this.drills, bareRestoreName, run)
  }

  /** Drills once; returns its steps as rows of a table. */
  async oursDrill(): Promise<string> {
    const run = await this.#lifeboat('gzip', ['drill', 'bench'])
    // The shape of `--json` is documented in docs/cli.md.
    const { drills } = JSON.parse(run.stdout) as { drills: DrillReport[] }
    const { steps } = drills[0]!.record
    const proofMs = steps.find(one => one.step === 'proof')?.durationMs ?? 0
    this.#record(this.drills, 'lifeboat drill, without the proof', { ...run, seconds: run.seconds - proofMs / 1000 })
    this.#record(this.drills, 'lifeboat drill, with the proof by content', run)
    const seconds = (ms: number) => (ms / 1000).toFixed(1)
    return steps.map(one => `| ${one.step} | ${seconds(one.startedAfterMs)} | ${seconds(one.durationMs)} |`).join('\n')
  }

  #lifeboat(codec: 'gzip' | 'zstd', command: readonly string[]): Promise<Measured> {
    const bin = fileURLToPath(new URL('../../cli/dist/bin.js', import.meta.url))
    return measure(
      process.execPath,
      [bin, ...command, '--config', this.#configPath(codec), '--json', '--quiet'],
      this.#environment,
    )
  }

  #configPath(codec: string): string {
    return join(this.#place.folder, `${codec}.config.mjs`)
  }

  #writeConfig(codec: string): void {
    const { endpoint } = this.#place.s3
    writeFileSync(
      this.#configPath(codec),
      `import { defineConfig, secret } from '@lifeboat/core'
import { s3 } from '@lifeboat/provider-s3'
export default defineConfig({ products: { bench: {
  source: { url: secret.env('LIFEBOAT_BENCH_SOURCE') },
  encryption: { passphrase: secret.env('LIFEBOAT_BENCH_PASSPHRASE') },
  compression: { codec: '${codec}' },
  destinations: { s3: { store: s3({ bucket: '${bucket}', prefix: '${codec}', region: 'us-east-1', endpoint: '${endpoint}', forcePathStyle: true }) } },
} } })
`,
    )
  }

  #storedBytes(key: string): number {
    const listing = execFileSync(
      'aws',
      ['--endpoint-url', this.#place.s3.endpoint, 's3', 'ls', `s3://${bucket}/${key}`],
      { env: this.#environment, encoding: 'utf8' },
    )
    return Number(listing.trim().split(/\s+/)[2])
  }

  #record(list: MutableTiming[], name: string, run: Measured, storedBytes = 0): void {
    process.stdout.write(`  ${name}: ${run.seconds.toFixed(1)} s\n`)
    let timing = list.find(one => one.name === name)
    if (!timing) {
      timing = { name, seconds: [], peakBytes: 0, storedBytes: 0 }
      list.push(timing)
    }
    timing.seconds.push(run.seconds)
    timing.peakBytes = Math.max(timing.peakBytes, run.peakBytes)
    timing.storedBytes = storedBytes
  }
}

function targetOf(address: string): NodeJS.ProcessEnv {
  const url = new URL(address)
  return {
    PGHOST: url.hostname,
    PGPORT: url.port,
    PGUSER: decodeURIComponent(url.username),
    PGPASSWORD: decodeURIComponent(url.password),
    PGDATABASE: url.pathname.slice(1),
  }
}
