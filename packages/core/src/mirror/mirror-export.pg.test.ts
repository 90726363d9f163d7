import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type {} from '../../../testkit/src/provided-postgres.js'
import { smallFolder } from '../../../testkit/src/small-disk.js'
import {
  type BackupProvider,
  type DrillReport,
  directory,
  type Lifeboat,
  openLifeboat,
  type ProviderBackup,
  secret,
} from '../index.js'
import { choosePgDump, findPgTools } from '../postgres/find-pg-tools.js'
import { memoryProvider } from '../testing/index.js'

const run = promisify(execFile)
const server = new URL(inject('postgres').url)
const urlOf = (database: string) => Object.assign(new URL(server), { pathname: `/${database}` }).href
const passphrase = 'correct horse battery'

async function query<T extends pg.QueryResultRow>(database: string, sql: string): Promise<T[]> {
  const client = new pg.Client(urlOf(database))
  await client.connect()
  try {
    return (await client.query<T>(sql)).rows
  } finally {
    await client.end()
  }
}

/** A provider whose exports are the file that the test chose. */
function exporting(bytes: () => Uint8Array): BackupProvider {
  const made: ProviderBackup = {
    ...{
      id: 'exp-1',
      kind: 'export',
      createdAt: '2026-11-21T01:00:00.000Z',
      status: 'complete',
      nativeStatus: 'ready',
    },
    ...{ expiresAt: '2026-11-28T01:00:00.000Z', sizeBytes: null },
  }
  return {
    ...memoryProvider(),
    creating: { create: async () => made },
    async *list() {
      yield made
      yield { ...made, id: 'exp-2', status: 'running', nativeStatus: 'without url' }
      yield { ...made, id: 'exp-0', status: 'gone' }
    },
    opening: {
      async *open() {
        for (let at = 0; at < bytes().byteLength; at += 8_192) yield bytes().subarray(at, at + 8_192)
      },
    },
  }
}

describe('an export of the provider', () => {
  let folder: string
  let exported: Buffer
  let served: Uint8Array
  let lifeboat: Lifeboat
  let drilledMs: number

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-mirror-'))
    await query('postgres', 'create database mirror_shop')
    await query(
      'mirror_shop',
      `create table orders (id int primary key, note text);
       create index on orders (note);
       insert into orders select i, md5(i::text) from generate_series(1, 3000) i;
       create table notes as select generate_series(1, 20) as id;
       select lo_from_bytea(0, '\\xdeadbeef');`,
    )
    const { folder: tools } = choosePgDump(await findPgTools(), inject('postgres').major)
    await run(join(tools, 'pg_dump'), ['-Fd', '-f', join(folder, 'x.dir'), urlOf('mirror_shop')])
    await run('tar', ['czf', join(folder, 'x.dir.tar.gz'), '-C', folder, 'x.dir'])
    exported = await readFile(join(folder, 'x.dir.tar.gz'))
    served = exported
    lifeboat = await openLifeboat({
      products: {
        shop: {
          source: { url: secret.value(urlOf('mirror_shop')) },
          encryption: { passphrase: secret.value(passphrase) },
          provider: exporting(() => served),
          destinations: {
            one: { store: directory(join(folder, 'one')) },
            two: { store: directory(join(folder, 'two')), retention: { last: 1, minimum: 1 } },
          },
          verify: { criticalTables: ['orders'] },
        },
      },
    })
  })

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
    for (const name of ['mirror_shop', 'mirror_shop_back', 'mirror_shop_glass'])
      await query('postgres', `drop database if exists ${name} with (force)`)
  })

  const onDisk = async (store: string) =>
    (await readdir(join(folder, store), { recursive: true }).catch(() => [])).filter(one => one.endsWith('.gpg'))

  it('that is cut or is something else is stored nowhere', async () => {
    for (const wrong of [exported.subarray(0, exported.byteLength - 20), Buffer.from('<html>expired</html>')]) {
      served = wrong
      await expect(lifeboat.export('shop')).rejects.toMatchObject({ code: 'archive-truncated' })
    }
    served = exported
    expect([await onDisk('one'), await onDisk('two')]).toEqual([[], []])
  })

  it('is stored encrypted in every destination, with its tables, and verified to its last row', async () => {
    const { exports } = await lifeboat.export('shop')
    const { mirrored } = exports[0]!
    expect(mirrored).toMatchObject({ status: 'complete', manifest: { createdAt: '2026-11-21T01:00:00.000Z' } })
    expect(mirrored!.manifest.artifacts).toMatchObject([
      { kind: 'export', codec: 'none', plainBytes: exported.byteLength },
    ])
    expect(mirrored!.manifest.tables?.map(one => [one.name, one.rows])).toEqual([
      ['notes', 20],
      ['orders', 3000],
    ])
    for (const destination of ['one', 'two'])
      for (const level of ['listed', 'stored', 'content'] as const) {
        const report = await lifeboat.verify(`shop/${mirrored!.id}`, { level, destination })
        expect(report.findings.filter(one => one.severity === 'critical')).toEqual([])
      }
  })

  it('is stored once: those that are there already, or not ready, are passed over', async () => {
    const { exports } = await lifeboat.export('shop', { existing: true })
    expect(exports.map(one => [one.backup.id, one.mirrored, one.skipped])).toEqual([
      ['exp-1', null, 'it is stored already'],
      ['exp-2', null, 'it is without url'],
    ])
  })

  it('is restored by its id, and every table counted', async () => {
    const { backups } = await lifeboat.list('shop')
    const name = `shop/${backups[0]!.id}`
    const options = { to: urlOf('mirror_shop_back'), create: true }
    expect((await lifeboat.planRestore(name, options)).warnings.join()).toContain('in clear')
    for (const part of [{ intoSchema: 'recovered' }, { only: 'data' as const }])
      await expect(lifeboat.planRestore(name, { ...options, tables: ['orders'], ...part })).rejects.toMatchObject({
        code: 'selection-invalid',
        message: expect.stringContaining('is an export'),
      })
    expect(await lifeboat.restore(name, options)).toMatchObject({ tables: 2, rows: 3020 })
    const [found] = await query<{ n: number; i: number; lo: number }>(
      'mirror_shop_back',
      `select (select count(*)::int from orders) as n, (select count(*)::int from pg_indexes where tablename = 'orders') as i,
              (select count(*)::int from pg_largeobject_metadata) as lo`,
    )
    expect(found).toEqual({ n: 3000, i: 2, lo: 1 })
  })

  it('gives back single tables, beside what the target has and in place of them', async () => {
    const { backups } = await lifeboat.list('shop')
    const name = `shop/${backups[0]!.id}`
    expect((await lifeboat.contents(name)).tables.map(one => one.name)).toEqual(['notes', 'orders'])
    expect(await lifeboat.diff(name)).toMatchObject({ differences: [] })
    const to = urlOf('mirror_shop_back')
    await query('mirror_shop_back', 'drop table notes; delete from orders where id > 5')
    expect(await lifeboat.restore(name, { to, tables: ['notes'] })).toMatchObject({ tables: 1, rows: 20 })
    expect(await query('mirror_shop_back', 'select count(*)::int as n from orders')).toEqual([{ n: 5 }])
    await expect(lifeboat.restore(name, { to, tables: ['orders'] })).rejects.toMatchObject({ code: 'target-not-empty' })
    await lifeboat.restore(name, { to, tables: ['orders'], overwrite: true })
    expect(await query('mirror_shop_back', 'select count(*)::int as n from orders')).toEqual([{ n: 3000 }])
  })

  it('is not restored where the disk is full, which is said with the place, and leaves nothing', async () => {
    const { backups } = await lifeboat.list('shop')
    const disk = await smallFolder(folder, 16 * 1024)
    const { TMPDIR } = process.env
    // Where nobody may mount a disk, a folder that is not there has to do.
    const place = disk.real ? disk.folder : join(disk.folder, 'missing')
    process.env.TMPDIR = place
    try {
      const restoring = lifeboat.restore(`shop/${backups[0]!.id}`, { to: urlOf('mirror_shop_full'), create: true })
      await expect(restoring).rejects.toMatchObject({
        code: disk.real ? 'disk-full' : 'restore-failed',
        message: expect.stringContaining(place),
        hint: expect.stringContaining('TMPDIR'),
      })
      expect(await readdir(disk.folder)).toEqual([])
      expect(await query('postgres', "select 1 from pg_database where datname = 'mirror_shop_full'")).toEqual([])
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = TMPDIR
      await disk.close()
    }
  })

  it('is drilled: restored, compared row by row with what it was, and removed', async () => {
    const { backups } = await lifeboat.list('shop')
    const report = await lifeboat.verify(`shop/${backups[0]!.id}`, { level: 'restored', destination: 'one' })
    expect(report.findings.filter(one => one.severity === 'critical')).toEqual([])
    expect(report.ok).toBe(true)
    const record = (report as DrillReport).record
    expect(record.proof).toMatchObject({ kind: 'content', tables: 2, rows: 3020, differences: 0 })
    drilledMs = record.objectives.recoveryMs
  })

  it('is restored with gpg, tar and pg_restore alone', async () => {
    const [key] = await onDisk('one')
    const secretFile = join(folder, 'passphrase')
    await writeFile(secretFile, passphrase, { mode: 0o600 })
    const home = await mkdtemp(join(folder, 'gpg-'))
    const { folder: tools } = choosePgDump(await findPgTools(), inject('postgres').major)
    await query('postgres', 'create database mirror_shop_glass')
    const script = `set -euo pipefail
      gpg --homedir "$1" --batch --quiet --pinentry-mode loopback --passphrase-file "$2" --decrypt "$3" | tar xz -C "$1"
      pg_restore --no-owner --dbname "$4" --jobs 2 "$1"/x.dir`
    const env = { ...process.env, PATH: `${tools}:${process.env.PATH}` }
    await run('bash', ['-c', script, '-', home, secretFile, join(folder, 'one', key!), urlOf('mirror_shop_glass')], {
      env,
    })
    expect(await query('mirror_shop_glass', 'select count(*)::int as n from orders')).toEqual([{ n: 3000 }])
  })

  it('neither is what latest means, nor counts among the dumps that retention keeps', async () => {
    const dump = await lifeboat.backup('shop')
    const newer = await lifeboat.show('latest')
    expect(newer.id).toBe(dump.id)
    // How long an export takes says nothing about a dump.
    const { losses } = await lifeboat.timeline('shop')
    const ways = losses.flatMap(one => one.ways).filter(one => one.place.startsWith('one'))
    const timed = (source: string) => new Set(ways.filter(one => one.source === source).map(one => one.expectedMs))
    expect([timed('dump'), timed('export')]).toEqual([new Set([null]), new Set([drilledMs])])
    await lifeboat.verify(`shop/${dump.id}`, { destination: 'two' })
    const [, two] = await lifeboat.prune('shop')
    expect(two!.plan.remove).toEqual([])
    expect(two!.plan.keep.map(one => one.id)).toHaveLength(2)
  })
})
