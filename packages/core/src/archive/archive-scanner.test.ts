import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBackupError } from '../errors/backup-error.js'
import type { ArchiveEntry } from './archive-header.js'
import { ArchiveScanner, type ArchiveSummary, type CountedTable, type ScannedTable } from './archive-scanner.js'

interface Golden {
  readonly entries: readonly string[]
  readonly tables: readonly ScannedTable[]
  readonly largeObjects: ArchiveSummary['largeObjects']
}

const read = (name: string) => readFileSync(new URL(`./testdata/${name}`, import.meta.url))
const majors = [15, 17, 18] as const
const versionOf = { 15: '1.14', 17: '1.16', 18: '1.16' } as const
const archives = new Map(majors.map(major => [major, read(`pg${major}.dump`)]))
const golden = (major: (typeof majors)[number]): Golden => JSON.parse(read(`pg${major}.json`).toString())
const small = archives.get(18)!

function scan(chunks: Iterable<Uint8Array>): ArchiveSummary {
  const scanner = new ArchiveScanner()
  for (const chunk of chunks) scanner.push(chunk)
  return scanner.finish()
}

/** Everything a visitor is told, with the bytes of each table joined. */
function visits(chunks: Iterable<Uint8Array>) {
  const seen: { entry: ArchiveEntry; hash: string; bytes: number; table: CountedTable | undefined }[] = []
  const others = createHash('sha256')
  let rows = createHash('sha256')
  let front = ''
  const scanner = new ArchiveScanner({
    contents: (_, bytes) => {
      front = createHash('sha256').update(bytes).digest('hex')
    },
    tableStarted: entry => {
      rows = createHash('sha256')
      seen.push({ entry, hash: '', bytes: 0, table: undefined })
    },
    rows: bytes => {
      rows.update(bytes)
      seen.at(-1)!.bytes += bytes.byteLength
    },
    tableFinished: table => Object.assign(seen.at(-1)!, { table, hash: rows.digest('hex') }),
    otherBlock: bytes => others.update(bytes),
  })
  for (const chunk of chunks) scanner.push(chunk)
  return { front, seen, others: others.digest('hex'), summary: scanner.finish() }
}

function* cut(bytes: Buffer, lengths: readonly number[]): Generator<Buffer> {
  let at = 0
  for (let i = 0; at < bytes.byteLength; i++) {
    const length = lengths[i % lengths.length]!
    // A copy, overwritten after use: nobody may hold on to a chunk.
    const chunk = Buffer.from(bytes.subarray(at, at + length))
    yield chunk
    chunk.fill(0xaa)
    at += length
  }
}

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (isBackupError(error)) return error.code
    throw error
  }
  return 'success'
}

/** As `pg_restore --list` writes an entry. */
function line(entry: ArchiveEntry): string {
  const oneLine = (text: string) => text.replace(/[\r\n]/g, ' ')
  const { dumpId, section, description, namespace, tag, owner } = entry
  return `${dumpId}; ${section} ${description} ${oneLine(namespace ?? '-')} ${oneLine(tag)} ${oneLine(owner ?? '')}`
}

describe.each(majors)('an archive of pg_dump %i', { timeout: 60_000 }, major => {
  const bytes = archives.get(major)!
  const expected = golden(major)
  const summary = scan([bytes])

  it('has the entries that pg_restore lists', () => {
    expect(summary.unknownBecause).toBeNull()
    expect(summary.toc?.header).toMatchObject({
      version: versionOf[major],
      compression: 0,
      database: 'lifeboat_golden',
    })
    expect(summary.toc?.header.pgDumpVersion).toMatch(new RegExp(`^${major}\\.`))
    expect(summary.toc?.entries.map(line)).toEqual(expected.entries)
  })

  it('has the rows and the hashes that psql copies out, and the large objects of the server', () => {
    const name = (table: ScannedTable) => `${table.schema}.${table.name}`
    const sorted = [...(summary.tables ?? [])].sort((a, b) => (name(a) < name(b) ? -1 : 1))
    expect(sorted).toEqual(expected.tables)
    expect(summary.largeObjects).toEqual(expected.largeObjects)
    expect(summary.bytes).toBe(bytes.byteLength)
  })

  it('re-framed holds the same, in longer chunks, whatever the cuts', () => {
    expect(reframe([bytes]).byteLength).toBeLessThan(bytes.byteLength)
    for (const chunks of [[bytes], cut(bytes, [1]), cut(bytes, [7, 4_000])]) {
      const { written, summary: writer } = reframing(chunks)
      const reader = scan([written])
      const unlike = { bytes: 0, frameSha256: '' }
      expect({ ...reader, ...unlike }).toEqual({ ...summary, ...unlike })
      expect(reader.frameSha256).toBe(writer.frameSha256)
    }
    const once = reframe([bytes])
    expect(reframe([once]).equals(once)).toBe(true)
  })

  it('is read the same byte by byte', () => {
    expect(scan(cut(bytes, [1]))).toEqual(summary)
    expect(visits(cut(bytes, [1]))).toEqual(visits([bytes]))
  })
})

describe('any archive', { timeout: 60_000 }, () => {
  it('is read the same however its bytes are cut, and visitors get each table whole', () => {
    const whole = visits([small])
    for (const [at, { hash, bytes, table }] of whole.seen.entries()) {
      expect(bytes).toBe(table?.bytes)
      expect({ ...table, sha256: hash }).toEqual(whole.summary.tables?.[at])
    }
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 12 }), lengths => {
        expect(visits(cut(small, lengths))).toEqual(whole)
      }),
      { numRuns: 25 },
    )
  })

  it('that is cut short anywhere is refused as cut short', () => {
    const codes = new Set<string>()
    for (const [major, bytes] of archives) {
      const step = major === 18 ? 11 : 101
      const nearAnEnd = (end: number) => end < 60 || end > bytes.byteLength - 120
      for (let end = 0; end < bytes.byteLength; end += nearAnEnd(end) ? 1 : step)
        codes.add(codeOf(() => scan([bytes.subarray(0, end)])))
    }
    expect([...codes]).toEqual(['archive-truncated'])
  })

  it('with bytes behind its end is refused', () => {
    for (const extra of [1, 6, 7, 100]) {
      const code = codeOf(() => scan([small, Buffer.alloc(extra, 1)]))
      expect(code).toMatch(/^archive-(truncated|invalid)$/)
    }
  })

  it('with any byte changed is refused, or one of its hashes differs', () => {
    const written = reframe([small])
    const hashes = ({ frameSha256, tables, largeObjects }: ArchiveSummary) =>
      JSON.stringify([frameSha256, tables?.map(table => table.sha256), largeObjects?.sha256])
    const whole = hashes(scan([written]))
    let differed = 0
    for (let at = 0; at < written.byteLength; at += 3) {
      const bytes = Buffer.from(written)
      bytes[at]! ^= 1 << (at % 8)
      try {
        const summary = scan([bytes])
        if (summary.unknownBecause === null) expect(hashes(summary)).not.toBe(whole)
        differed++
      } catch (error) {
        expect(isBackupError(error)).toBe(true)
      }
    }
    expect(differed).toBeGreaterThan(100)
  })

  it('with any byte changed is read or refused, and never worse', () => {
    const changed = fc.array(fc.tuple(fc.nat(small.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(changed, fc.constantFrom(500, 65_536), (changes, length) => {
        const bytes = Buffer.from(small)
        for (const [at, value] of changes) bytes[at] = value
        expect(codeOf(() => scan(cut(bytes, [length])))).toMatch(/^(success|archive-truncated|archive-invalid)$/)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['another magic', 0, [0x51]],
    ['a text longer than any', 12 + 7 * 5, [0, 255, 255, 255, 127]],
  ])('that begins with %s is refused at once', (_, at, values) => {
    const bytes = Buffer.from(small)
    bytes.set(values, at)
    expect(codeOf(() => new ArchiveScanner().push(bytes.subarray(0, 100)))).toBe('archive-invalid')
  })

  it.each([
    ['a negative chunk length', [1, 5, 0, 0, 0], 'archive-invalid'],
    ['a chunk length above any row', [0, 255, 255, 255, 255], 'archive-invalid'],
  ])('with %s is refused', (_, values, code) => {
    const bytes = Buffer.from(small)
    let firstRows = 0
    const scanner = new ArchiveScanner({
      contents: (_toc, front) => {
        firstRows = front.byteLength + 6
      },
    })
    scanner.push(bytes)
    bytes.set(values, firstRows)
    expect(codeOf(() => scan([bytes]))).toBe(code)
  })

  it('with a block that is there twice, or of a type nobody knows, is refused', () => {
    let front = 0
    new ArchiveScanner({
      contents: (_toc, bytes) => {
        front = bytes.byteLength
      },
    }).push(small)
    expect(codeOf(() => scan([small, small.subarray(front)]))).toBe('archive-invalid')
    const bytes = Buffer.from(small)
    bytes[front] = 9
    expect(codeOf(() => scan([bytes]))).toBe('archive-invalid')
  })

  it('that claims a million entries and ends is refused without taking the memory for them', () => {
    const bytes = Buffer.from(small)
    const count = scan([small]).toc!.entries.length
    const at = bytes.indexOf(Buffer.from([0, count, 0, 0, 0]), 50)
    bytes.writeUInt32LE(1_000_000, at + 1)
    expect(codeOf(() => scan([bytes]))).toMatch(/^archive-(truncated|invalid)$/)
    bytes.writeUInt32LE(2 ** 31 - 1, at + 1)
    expect(codeOf(() => scan([bytes]))).toBe('archive-invalid')
  })
})

describe('an archive that this reader does not know', () => {
  const future = Buffer.from(small)
  future[6] = 17
  const compressed = Buffer.from(small)
  compressed[11] = 2

  it.each([
    ['of a newer version', future, 'archive version 1.17'],
    ['with compressed blocks', compressed, 'its blocks are compressed'],
  ])('%s is passed on whole, and nothing is claimed about it', (_, bytes, why) => {
    for (const lengths of [[1], [7, 4_000], [100_000]]) {
      const unread: Buffer[] = []
      const scanner = new ArchiveScanner({ unread: part => unread.push(Buffer.from(part)) })
      for (const chunk of cut(bytes, lengths)) scanner.push(chunk)
      const summary = scanner.finish()
      const bytesTotal = bytes.byteLength
      const nothing = { frameSha256: null, toc: null, tables: null, largeObjects: null }
      expect(summary).toEqual({ bytes: bytesTotal, unknownBecause: why, ...nothing })
      expect(Buffer.concat(unread).equals(bytes)).toBe(true)
    }
  })
})

function reframing(chunks: Iterable<Uint8Array>): { readonly written: Buffer; readonly summary: ArchiveSummary } {
  const passed: Buffer[] = []
  const scanner = new ArchiveScanner({ reframed: bytes => passed.push(Buffer.from(bytes)) })
  for (const chunk of chunks) scanner.push(chunk)
  return { summary: scanner.finish(), written: Buffer.concat(passed) }
}

function reframe(chunks: Iterable<Uint8Array>): Buffer {
  return reframing(chunks).written
}
