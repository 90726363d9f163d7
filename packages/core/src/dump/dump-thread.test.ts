import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { standInPgDump } from '../../../testkit/src/stand-in-pg-dump.js'
import { ArchiveScanner } from '../archive/archive-scanner.js'
import type { Scan } from '../archive/scan-stage.js'
import type { CodecName } from '../codec/codec.js'
import type { BackupEvent } from '../events/backup-event.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import type { PgTools } from '../postgres/find-pg-tools.js'
import type { ByteSource } from '../streams/byte-source.js'
import { DumpThread } from './dump-thread.js'
import { type DumpWork, type Packing, packHere } from './pack-dump.js'

/** The thread of the built package: from the sources there is none. */
const worker = new URL('../../dist/dump-worker.js', import.meta.url)
const archive = fileURLToPath(new URL('../archive/testdata/pg18.dump', import.meta.url))

const packOnThread = (work: DumpWork, packing: Packing) => new DumpThread(worker).pack(work, packing)

/** An archive whose first table is long, and which is not over then. */
const longBytes = 16 * 2 ** 20
let long = ''
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-thread-'))
  long = join(folder, 'long.dump')
  const bytes = await readFile(archive)
  let frontBytes = 0
  const contents = (_: unknown, front: Uint8Array) => {
    frontBytes = front.byteLength
  }
  new ArchiveScanner({ contents }).push(bytes)
  const chunk = Buffer.alloc(longBytes, 'a row\n')
  // A number in an archive is a sign and four bytes; a block begins with its type and its table.
  const length = Buffer.alloc(5)
  length.writeUInt32LE(longBytes, 1)
  await writeFile(long, Buffer.concat([bytes.subarray(0, frontBytes + 6), length, chunk]))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a dump that is packed on a thread of its own', () => {
  it.each(['gzip', 'none'] as const)('becomes the same bytes and the same scan as here, with %s', async codec => {
    const work = await dumpWork(`cat '${archive}' '${archive}' | head -c $(wc -c < '${archive}')`, codec)
    const here = await packed(packing => packHere(work, packing))
    const there = await packed(packing => packOnThread(work, packing))
    expect(there.bytes.equals(here.bytes)).toBe(true)
    expect(there.bytes.byteLength).toBeGreaterThan(1_000)
    expect(there.scan).toEqual(here.scan)
    expect(there.events.at(-1)).toEqual(here.events.at(-1))
  })

  it('waits for a reader that is slower, however long the dump is', async () => {
    const work = await dumpWork(`cat '${long}'; echo $$ > "$bin/pid"; cat '${archive}'`, 'none')
    let read = 0
    const reading = (async () => {
      for await (const chunk of packOnThread(work, quiet())) {
        read += chunk.byteLength
        await new Promise(resolve => setTimeout(resolve, 2))
      }
    })()
    // What follows is no part of the archive: the error of the scan comes in its turn.
    await expect(reading).rejects.toMatchObject({ code: 'archive-invalid' })
    expect(read).toBeGreaterThan(longBytes - 2 ** 20)
  })

  it('fails as it fails here: with the words of pg_dump and a hint', async () => {
    const work = await dumpWork(`cat '${archive}'; echo 'pg_dump: error: permission denied for table t' >&2; exit 1`)
    const errors = await Promise.all(
      [packHere(work, quiet()), packOnThread(work, quiet())].map(source => drained(source).catch(one => one)),
    )
    const [here, there] = errors.map(({ code, message, hint }) => ({ code, message, hint }))
    expect(there).toEqual(here)
    expect(there).toMatchObject({ code: 'dump-failed', hint: expect.stringContaining('pg_read_all_data') })
  })

  it('ends pg_dump when nobody reads on', async () => {
    const work = await dumpWork(`echo $$ > "$bin/pid"; cat '${long}'; exec sleep 600`, 'none')
    const source = packOnThread(work, quiet())[Symbol.asyncIterator]()
    await source.next()
    expect(await alive(work)).toBe(true)
    await source.return?.(undefined)
    expect(await alive(work)).toBe(false)
  })

  it('starts no pg_dump, or ends it, when it is cancelled in the very moment in which it begins', async () => {
    const work = await dumpWork(`exec sleep 600`)
    for (let turns = 0; turns < 20; turns++) {
      const cancelling = new AbortController()
      const reading = drained(packHere(work, { ...quiet(), signal: cancelling.signal }))
      for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve))
      cancelling.abort()
      await expect(reading).rejects.toMatchObject({ code: 'cancelled' })
    }
  })

  it('is over when it is closed, whether it packed something, nothing, or was cancelled before', async () => {
    await new DumpThread(worker).close()
    const used = new DumpThread(worker)
    await expect(drained(used.pack(await dumpWork('exit 1'), quiet()))).rejects.toMatchObject({ code: 'dump-failed' })
    await used.close()
    const cancelled = new DumpThread(worker)
    const signal = AbortSignal.abort()
    const packing = cancelled.pack(await dumpWork(`echo ran > "$bin/ran"`), { ...quiet(), signal })
    await expect(drained(packing)).rejects.toMatchObject({ code: 'cancelled' })
    await expect(readFile(join(folder, 'ran'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('ends pg_dump when it is cancelled while the server is silent', async () => {
    const work = await dumpWork(`echo $$ > "$bin/pid"; exec sleep 600`)
    const cancelling = new AbortController()
    const reading = drained(packOnThread(work, { ...quiet(), signal: cancelling.signal }))
    while ((await readFile(join(work.options.tools.folder, 'pid'), 'utf8').catch(() => '')) === '')
      await new Promise(resolve => setTimeout(resolve, 10))
    cancelling.abort()
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' })
    expect(await alive(work)).toBe(false)
  })
})

/** Work whose pg_dump is a script. Nothing is connected to. */
async function dumpWork(script: string, codec: CodecName = 'gzip'): Promise<DumpWork> {
  const tools: PgTools = { folder, major: 18, version: '18.0' }
  return {
    target: parseConnectionUrl('postgres://someone@127.0.0.1:1/none'),
    options: { tools: await standInPgDump(folder, tools, { kind: 'script', script }) },
    compression: { codec, level: 1 },
    expectedBytes: 0,
  }
}

function quiet(): Packing {
  return { done: () => {}, emit: () => {}, signal: undefined }
}

/** Keeps every chunk as it came until the end. */
async function packed(start: (packing: Packing) => ByteSource) {
  const events: BackupEvent[] = []
  const chunks: Uint8Array[] = []
  let scan: Scan | undefined
  const done = (one: Scan) => {
    scan = one
  }
  for await (const chunk of start({ done, emit: event => events.push(event), signal: undefined })) chunks.push(chunk)
  return { bytes: Buffer.concat(chunks), scan, events }
}

async function drained(source: ByteSource): Promise<void> {
  for await (const _ of source);
}

/** Whether the script of the work still runs. */
async function alive(work: DumpWork): Promise<boolean> {
  const pid = Number(await readFile(join(work.options.tools.folder, 'pid'), 'utf8'))
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
