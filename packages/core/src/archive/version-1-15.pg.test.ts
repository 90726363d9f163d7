import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { ensurePgClient } from '../../../testkit/src/pg-clients.js'
import { ArchiveScanner, type ArchiveSummary } from './archive-scanner.js'

const run = promisify(execFile)

/**
 * An archive of version 1.16 as one of 1.15, which pg_dump 16 writes: without the kind of relation that 1.16 added to
 * each entry (PostgreSQL's pg_backup_archiver.c, `ReadToc`). Debian has no client 16 to make one with.
 */
function as115(archive: Buffer): Buffer {
  const kept: Buffer[] = []
  let at = 0
  let from = 0
  const int = () => {
    const value = archive.readUInt32LE(at + 1) * (archive[at] === 0 ? 1 : -1)
    at += 5
    return value
  }
  const text = () => {
    const length = int()
    at += Math.max(0, length)
    return length >= 0
  }
  at = 12
  for (let i = 0; i < 7; i++) int()
  for (let i = 0; i < 3; i++) text()
  for (let entries = int(); entries > 0; entries--) {
    int()
    int()
    for (let i = 0; i < 4; i++) text()
    int()
    for (let i = 0; i < 6; i++) text()
    kept.push(archive.subarray(from, at))
    int()
    from = at
    text()
    text()
    while (text());
    at += 1 + 8
  }
  const bytes = Buffer.concat([...kept, archive.subarray(from)])
  bytes[6] = 15
  return bytes
}

function scan(bytes: Buffer): ArchiveSummary {
  const scanner = new ArchiveScanner()
  scanner.push(bytes)
  return scanner.finish()
}

it('an archive of version 1.15 is read as pg_restore reads it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-1-15-'))
  try {
    const newer = await readFile(new URL('testdata/pg17.dump', import.meta.url))
    const older = as115(newer)
    const file = join(folder, 'pg16.dump')
    await writeFile(file, older)
    const pgRestore = join(await ensurePgClient(18), 'pg_restore')
    const list = async (...args: string[]) => (await run(pgRestore, ['--list', ...args])).stdout.replace(/^;.*$/gm, '')
    expect((await run(pgRestore, ['--list', file])).stdout).toContain('Dump Version: 1.15')
    expect(await list(file)).toBe(await list(new URL('testdata/pg17.dump', import.meta.url).pathname))
    const { toc, tables, largeObjects } = scan(older)
    const expected = scan(newer)
    expect(toc?.header.version).toBe('1.15')
    expect(toc?.entries).toEqual(expected.toc?.entries)
    expect({ tables, largeObjects }).toEqual({ tables: expected.tables, largeObjects: expected.largeObjects })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
