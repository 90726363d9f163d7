import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ArchiveScanner, type ScannedTable } from '../archive/archive-scanner.js'
import { reframed } from '../archive/scan-stage.js'
import { bytesOf } from '../streams/byte-source.js'
import { loadArchive, type RowSink } from './load-archive.js'

let folder = ''
let archive: Buffer
/** What lies in the archive. */
let tables: readonly ScannedTable[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-load-'))
  const dump = await readFile(new URL('../archive/testdata/pg18.dump', import.meta.url))
  const long: Uint8Array[] = []
  for await (const chunk of reframed(bytesOf(dump), () => {})) long.push(chunk)
  archive = Buffer.concat(long)
  const scanner = new ArchiveScanner()
  scanner.push(archive)
  tables = scanner.finish().tables!
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('an archive that streams into a database', () => {
  it('gives the rows that lie in it, however its bytes are split', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }), async lengths => {
        const { sent, given } = await load(lengths)
        expect(given).toEqual(tables.map(({ name, sha256 }) => ({ name, sha256 })))
        expect(sent).toEqual(tables)
        expect(tables.length).toBeGreaterThan(3)
      }),
      { numRuns: 60 },
    )
  })

  it('shows rows that were overwritten before they were sent, before any of them is committed', async () => {
    const { sent, given } = await load([10_000], folder, async bytes => void bytes.fill(0, 0, 1))
    const full = tables.filter(table => table.rows > 0).map(table => table.name)
    expect(sent.filter(({ name, sha256 }) => given.find(one => one.name === name)?.sha256 !== sha256)).toEqual([])
    expect(differing(sent).filter(name => !full.includes(name))).toEqual([])
    expect(differing(sent).length).toBeGreaterThan(3)
    const refusing = load([10_000], folder, undefined, () => {
      throw new Error('others than were wanted')
    })
    await expect(refusing).rejects.toThrow('others than were wanted')
  })

  // Only Linux has a file that is always full. An error that nobody listens to would end the process.
  it.runIf(process.platform === 'linux').each([20, 100_000])(
    'fails where the disk is full, with %d bytes at once',
    async length => {
      const full = await mkdtemp(join(folder, 'full-'))
      await symlink('/dev/full', join(full, 'other.dump'))
      const pause = () => new Promise(resolve => setImmediate(resolve))
      await expect(load([length], full, pause)).rejects.toMatchObject({
        code: 'disk-full',
        message: expect.stringMatching(/no room is left on the disk of .*full-.* \(ENOSPC\)/),
      })
    },
  )
})

function differing(sent: readonly ScannedTable[]): string[] {
  return sent.filter((table, at) => table.sha256 !== tables[at]!.sha256).map(table => table.name)
}

/** What is said of the tables that were sent, and what a loader that takes its time was given. */
async function load(
  lengths: readonly number[],
  work = folder,
  pause: (bytes: Uint8Array) => Promise<unknown> = () => Promise.resolve(),
  check = () => {},
) {
  const sent: ScannedTable[] = []
  const given: { readonly name: string; sha256: string }[] = []
  let hash = createHash('sha256')
  let name = ''
  const sink: RowSink = {
    async start(entry) {
      name = entry.tag
      hash = createHash('sha256')
    },
    async rows(bytes) {
      await pause(bytes)
      hash.update(bytes)
    },
    finishTable: () => void given.push({ name, sha256: hash.digest('hex') }),
    finish: async () => {},
    close: async () => {},
  }
  await loadArchive(pieces(lengths), work, {
    contents: async () => sink,
    placeRows: entry => entry,
    tableSent: table => {
      sent.push(table)
      check()
      // The table is not finished: whoever gets rows commits them only then.
      expect(given.map(one => one.name)).not.toContain(table.name)
    },
    tableLoaded: () => {},
  })
  return { sent, given }
}

async function* pieces(lengths: readonly number[]) {
  for (let at = 0, i = 0; at < archive.byteLength; i++) {
    const length = lengths[i % lengths.length]!
    yield archive.subarray(at, at + length)
    at += length
  }
}
