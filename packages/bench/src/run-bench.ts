import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drillServerSettings, startScratchServer } from '@lifeboat/core/scratch'
import { startS3Service } from '@lifeboat/testkit/s3-service'
import { Bench, bareRestoreName } from './bench.ts'
import { buildDatabase, buildPgbench, buildWideDatabase } from './build-database.ts'
import { readOptions } from './options.ts'
import { machineLine, mib, timingTable } from './report.ts'

const options = readOptions(process.argv.slice(2))
const document = fileURLToPath(new URL('../../../docs/benchmarks.md', import.meta.url))
const section = options.memory
  ? 'memory'
  : options.drill
    ? 'drill'
    : `times on Node ${process.versions.node.split('.')[0]}`
const folder = mkdtempSync(join(tmpdir(), 'lifeboat-bench-'))
const say = (text: string) => process.stdout.write(`${text}\n`)

say('starting Postgres and S3 …')
const server = await startScratchServer({ settings: { max_wal_size: '8GB', shared_buffers: '256MB' } })
const s3 = await startS3Service()
try {
  const text = options.memory ? await measureMemory() : options.drill ? await measureDrill() : await measureTimes()
  say(text)
  if (options.write) {
    replaceSection(document, section, text)
    say(`written to docs/benchmarks.md, section "${section}"`)
  }
} finally {
  await s3.stop()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}

async function measureTimes(): Promise<string> {
  let source = options.source
  if (source === undefined) {
    await administer('create database bench')
    say(`building a database of about ${mib(options.sizeBytes)} MiB …`)
    source = server.url('bench')
    await buildDatabase(source, options.sizeBytes)
  }
  const bench = await Bench.open({ source, administer, targetUrl: name => server.url(name), s3, folder })
  const codecs = bench.runtimeHasZstd ? (['gzip', 'zstd'] as const) : (['gzip'] as const)
  for (let run = 1; run <= options.runs; run++) {
    say(`run ${run} of ${options.runs}`)
    await bench.dumpOnly()
    await bench.plainPipeline()
    await bench.customPipeline()
    for (const codec of codecs) await bench.ours(codec)
    await bench.verifyPipeline()
    for (const codec of codecs) await bench.oursVerify(codec)
    await bench.restorePipeline()
    for (const codec of codecs) await bench.oursRestore(codec)
  }
  return [
    `${machineLine()} Dump of ${mib(bench.dumpBytes)} MiB, ${options.runs} run(s) each, in turn; local Ceph as S3.`,
    '',
    timingTable('Export to S3', bench.exports, 'pg_dump | gzip | gpg | s3'),
    timingTable('Check of the stored bytes', bench.checks, 's3 | gpg -d | gzip -t'),
    timingTable('Restore into a new database', bench.restores, 's3 | gpg -d | gunzip | psql'),
  ].join('\n')
}

/** A drill against `pg_restore -j 2` of a local file, both on servers with the settings of a drill's own. */
async function measureDrill(): Promise<string> {
  const source = options.source ?? server.url('bench')
  if (options.source === undefined) {
    await administer('create database bench')
    say(`building a database of about ${mib(options.sizeBytes)} MiB, and pgbench at scale 50 …`)
    await buildDatabase(source, options.sizeBytes)
    await buildPgbench(source, 50)
  }
  const bench = await Bench.open({ source, administer, targetUrl: name => server.url(name), s3, folder })
  await bench.ours('gzip')
  await bench.dumpToFile()
  const steps: string[] = []
  for (let run = 1; run <= options.runs; run++) {
    say(`run ${run} of ${options.runs}`)
    // In turn, on a disk both, and with the same settings.
    const bare = await startScratchServer({ parentFolder: dirname(folder), settings: drillServerSettings() })
    try {
      await bench.bareRestore(bare)
    } finally {
      await bare.stop()
    }
    steps.push(await bench.oursDrill())
  }
  return [
    `${machineLine()} Dump of ${mib(bench.dumpBytes)} MiB, ${options.runs} run(s) each, in turn; local Ceph as S3. A drill is the whole`,
    'command, from its start to its exit; "without the proof" is the same, less the time of its proof. Both servers have the same settings. Bars: at most 1.3 times the bare restore without the proof (0.77 in the table), at most 2 times with it (0.50).',
    '',
    timingTable('A drill', bench.drills, bareRestoreName),
    'Steps of the last drill:',
    '',
    '| step | from (s) | seconds |',
    '|---|---|---|',
    steps.at(-1)!,
    '',
  ].join('\n')
}

async function measureMemory(): Promise<string> {
  const rows: string[] = []
  for (const gigabytes of [1, 10]) {
    const name = `wide${gigabytes}`
    await administer(`create database ${name}`)
    say(`building a database with ${gigabytes} GB of dump …`)
    await buildWideDatabase(server.url(name), gigabytes * 1e9)
    const bench = await Bench.open({
      source: server.url(name),
      administer,
      targetUrl: one => server.url(one),
      s3,
      folder,
    })
    await bench.ours('gzip')
    await bench.oursVerify('gzip')
    const peaks = [bench.exports[0]!, bench.checks[0]!].map(one => `${mib(one.peakBytes)} MiB`)
    rows.push(`| ${gigabytes} GB | ${mib(bench.dumpBytes)} MiB | ${peaks.join(' | ')} |`)
    await administer(`drop database ${name} with (force)`)
  }
  return [
    machineLine(),
    '',
    '| dump | measured | peak memory of backup | peak memory of verify |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

async function administer(sql: string): Promise<void> {
  const { default: pg } = await import('pg')
  const client = new pg.Client(server.url('postgres'))
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Each section lies between two marks, so that a run replaces its own and leaves the others. */
function replaceSection(path: string, name: string, text: string): void {
  const marks = { begin: `<!-- begin ${name} -->`, end: `<!-- end ${name} -->` }
  const whole = readFileSync(path, 'utf8')
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
    encoding: 'utf8',
    cwd: join(path, '../..'),
  }).trim()
  const block = `${marks.begin}\n## ${name[0]!.toUpperCase()}${name.slice(1)}\n\nMeasured at commit ${commit}.\n\n${text.trim()}\n${marks.end}`
  const begin = whole.indexOf(marks.begin)
  const end = whole.indexOf(marks.end)
  writeFileSync(
    path,
    begin < 0 || end < 0
      ? `${whole.trimEnd()}\n\n${block}\n`
      : whole.slice(0, begin) + block + whole.slice(end + marks.end.length),
  )
}
