import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type {} from '../../../testkit/src/provided-postgres.js'
import { choosePgDump, findPgTools } from '../postgres/find-pg-tools.js'
import type { ByteSource } from '../streams/byte-source.js'
import { ArchiveScanner } from './archive-scanner.js'
import { exportScanned } from './export-scan.js'
import type { Scan } from './scan-stage.js'

const run = promisify(execFile)
const server = new URL(inject('postgres').url)
const database = 'export_scan'
const url = Object.assign(new URL(server), { pathname: `/${database}` }).href

async function query(on: string, sql: string): Promise<void> {
  const client = new pg.Client(on)
  await client.connect()
  await client.query(sql).finally(() => client.end())
}

async function* pieces(bytes: Uint8Array, size: number): ByteSource {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}

/** What came out, and what was learned on the way. */
async function scan(bytes: Uint8Array, size = 10_000): Promise<{ readonly scan: Scan; readonly passed: Buffer }> {
  let learned: Scan | undefined
  const passed: Uint8Array[] = []
  for await (const chunk of exportScanned(pieces(bytes, size), done => {
    learned = done
  }))
    passed.push(chunk)
  return { scan: learned!, passed: Buffer.concat(passed) }
}

describe('an export: tar.gz of a folder that pg_dump wrote', () => {
  let folder: string
  let exported: Buffer
  let custom: Buffer

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-export-'))
    await query(server.href, `create database ${database}`)
    await query(
      url,
      `create table orders (id int primary key, note text);
       create table empty (id int);
       create schema "odd one"; create table "odd one"."t t" (a text);
       insert into orders select i, repeat(md5(i::text), 4) from generate_series(1, 4000) i;
       insert into "odd one"."t t" values (E'\\\\.'), (null), ('☃');
       select lo_from_bytea(0, '\\xdeadbeef'), lo_from_bytea(0, '\\xbeef');`,
    )
    const tools = choosePgDump(await findPgTools(), inject('postgres').major)
    const pgDump = join(tools.folder, 'pg_dump')
    await run(pgDump, ['-Fd', '-f', join(folder, 'x.dir'), url])
    await run('tar', ['czf', join(folder, 'x.dir.tar.gz'), '-C', folder, 'x.dir'])
    exported = await readFile(join(folder, 'x.dir.tar.gz'))
    custom = (await run(pgDump, ['-Fc', '-Z0', url], { encoding: 'buffer', maxBuffer: 2 ** 28 })).stdout
  })

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
    await query(server.href, `drop database if exists ${database} with (force)`)
  })

  it('passes on unchanged, and has the tables, rows and hashes of the same dump in the custom format', async () => {
    const scanner = new ArchiveScanner()
    scanner.push(custom)
    const expected = scanner.finish()
    for (const size of [61, 997, 2 ** 20]) {
      const { scan: found, passed } = await scan(exported, size)
      expect(passed.equals(exported)).toBe(true)
      const byName = (tables: Scan['summary']['tables']) =>
        [...(tables ?? [])].sort((a, b) => a.name.localeCompare(b.name))
      expect(byName(found.summary.tables)).toEqual(byName(expected.tables))
      expect(found.summary.toc?.entries.length).toBe(expected.toc?.entries.length)
      expect(found.bytes).toBe(exported.byteLength)
    }
  })

  it('that breaks off anywhere is never taken for whole', async () => {
    const cuts = [0, 1, 100, 5000, exported.byteLength >> 1, exported.byteLength - 9, exported.byteLength - 1]
    for (const cut of cuts) {
      const error = await scan(exported.subarray(0, cut)).then(
        () => 'taken for whole',
        (raised: unknown) => raised,
      )
      expect(error, `cut at ${cut}`).toMatchObject({ code: 'archive-truncated' })
    }
  })

  it('whose tar archive breaks off is not, either', async () => {
    const tar = gunzipSync(exported)
    for (const cut of [512, 1000, tar.lastIndexOf('ustar'), 5_120])
      await expect(scan(gzipSync(tar.subarray(0, cut), { level: 1 }))).rejects.toMatchObject({
        code: expect.stringMatching(/archive-(truncated|invalid)/),
      })
  })

  it('is not whole without one of the files that its table of contents names', async () => {
    const files = (await readdir(join(folder, 'x.dir'))).filter(one => one !== 'toc.dat')
    for (const missing of files) {
      const packed = await tarOf(folder, missing)
      if (missing.startsWith('blobs')) continue
      await expect(scan(packed), missing).rejects.toMatchObject({ code: 'archive-truncated' })
    }
    await expect(scan(await tarOf(folder, 'toc.dat'))).rejects.toMatchObject({ code: 'archive-invalid' })
  })

  it('with a damaged file within is damaged', async () => {
    const tar = gunzipSync(exported)
    const names = await readdir(join(folder, 'x.dir'))
    const files = await Promise.all(
      names.filter(one => one.endsWith('.gz')).map(one => readFile(join(folder, 'x.dir', one))),
    )
    const largest = files.reduce((best, one) => (one.byteLength > best.byteLength ? one : best))
    const at = tar.indexOf(largest) + (largest.byteLength >> 1)
    tar[at] = tar[at]! ^ 0xff
    await expect(scan(gzipSync(tar, { level: 1 }))).rejects.toMatchObject({ code: 'archive-truncated' })
  })

  it('that is something else is refused', async () => {
    await expect(scan(gzipSync(Buffer.alloc(20_000, 'x')))).rejects.toMatchObject({ code: 'archive-invalid' })
    await expect(scan(Buffer.from('<html>expired</html>'))).rejects.toMatchObject({ code: 'archive-truncated' })
  })
})

function tarOf(folder: string, without: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('tar', ['cz', '-C', folder, `--exclude=${without}`, 'x.dir'])
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', reject)
    child.on('close', () => resolve(Buffer.concat(chunks)))
  })
}
