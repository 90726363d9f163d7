import { type FileHandle, mkdtemp, open, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ByteReader } from '../streams/byte-reader.js'
import { bytesOf } from '../streams/byte-source.js'
import { encodeMap, findExtents } from './find-holes.js'
import { readMap } from './sparse-map.js'

const step = 65_536
let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-holes-'))
  path = join(folder, 'file')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Data in some steps of a file, holes in the others. */
async function write(name: string, steps: readonly boolean[]): Promise<void> {
  const file: FileHandle = await open(name, 'w')
  for (const [at, full] of steps.entries()) if (full) await file.write(Buffer.alloc(1000, at + 1), 0, 1000, at * step)
  await file.truncate(steps.length * step)
  await file.close()
}

describe('the parts of a file that are no holes', () => {
  // A file may grow while it is read: what it held at first is stored, and a map of more cannot be restored.
  it('lie below the size that was asked for, hold all of its data, and make a map that can be read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: -3, max: 3 }),
        fc.integer({ min: 0, max: 12 }),
        async (steps, off, count) => {
          await write(path, steps)
          const sizeBytes = Math.min(Math.max(1, count * step + off * 500), steps.length * step)
          const { ino, dev } = await stat(path, { bigint: true })
          const extents = (await findExtents(Buffer.from(path), { sizeBytes, ino, dev }, undefined))!
          const map = encodeMap(extents, sizeBytes)
          expect((await readMap(new ByteReader(bytesOf(map)), sizeBytes)).extents).toEqual(extents)
          for (const [at, full] of steps.entries()) {
            const holds = extents.some(one => one.offset <= at * step && at * step < one.offset + one.bytes)
            expect(holds).toBe(full && at * step < sizeBytes)
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  it('are not looked for in a file that has taken the place of the one that is read', async () => {
    await write(path, [true, false, true])
    const { ino, dev } = await stat(path, { bigint: true })
    await write(`${path}.new`, [false, true, false])
    await rename(`${path}.new`, path)
    expect(await findExtents(Buffer.from(path), { sizeBytes: 3 * step, ino, dev }, undefined)).toBeUndefined()
  })
})
