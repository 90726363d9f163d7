import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ScannedTable } from '../archive/archive-scanner.js'
import { reframed } from '../archive/scan-stage.js'
import { bytesOf } from '../streams/byte-source.js'
import { loadArchive, type RowSink } from './load-archive.js'

let folder = ''
let archive: Buffer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-load-'))
  const dump = await readFile(new URL('../archive/testdata/pg18.dump', import.meta.url))
  const long: Uint8Array[] = []
  for await (const chunk of reframed(bytesOf(dump), () => {})) long.push(chunk)
  archive = Buffer.concat(long)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('an archive that streams into a database', () => {
  it('gives the rows that lie in it, however its bytes are split', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }), async lengths => {
        const { tables, given } = await load(lengths)
        expect(given).toEqual(tables.map(({ name, sha256 }) => ({ name, sha256 })))
        expect(tables.length).toBeGreaterThan(3)
      }),
      { numRuns: 60 },
    )
  })
})

/** What the scanner says of the tables, and what a loader that takes its time was given. */
async function load(lengths: readonly number[]) {
  const tables: ScannedTable[] = []
  const given: { readonly name: string; sha256: string }[] = []
  let hash = createHash('sha256')
  let name = ''
  const sink: RowSink = {
    async start(entry) {
      name = entry.tag
      hash = createHash('sha256')
    },
    async rows(bytes) {
      await Promise.resolve()
      hash.update(bytes)
    },
    finishTable: () => void given.push({ name, sha256: hash.digest('hex') }),
    finish: async () => {},
    close: async () => {},
  }
  await loadArchive(pieces(lengths), folder, {
    contents: async () => sink,
    placeRows: entry => entry,
    tableLoaded: table => void tables.push(table),
  })
  return { tables, given }
}

async function* pieces(lengths: readonly number[]) {
  for (let at = 0, i = 0; at < archive.byteLength; i++) {
    const length = lengths[i % lengths.length]!
    yield archive.subarray(at, at + length)
    at += length
  }
}
