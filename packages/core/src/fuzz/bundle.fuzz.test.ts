import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fuzz, mutateBytes, shareOf } from '../../../testkit/src/fuzz.js'
import { encodeMap } from '../files/find-holes.js'
import { encodeComment, encodeHeader, endMark, paddingOf, type TarEntry } from '../files/tar-header.js'
import { unpackBundle } from '../files/unpack-bundle.js'
import { bytesOf } from '../streams/byte-source.js'

const facts = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 1_700_000_000_123_000_000n }

function entry(kind: TarEntry['kind'], name: string, body: Buffer = Buffer.alloc(0), more: Partial<TarEntry> = {}) {
  const header = encodeHeader({ ...facts, kind, name: Buffer.from(name), bodyBytes: body.length, ...more })
  return Buffer.concat([header, body, Buffer.alloc(paddingOf(body.length))])
}

const bundle = Buffer.concat([
  encodeComment('salt'),
  entry('folder', 'a'),
  entry('file', 'a/file', Buffer.from('text')),
  entry('link', 'a/link', undefined, { target: Buffer.from('../..') }),
  entry('file', `${'long/'.repeat(30)}é`, Buffer.from('deep')),
  entry('file', 'holes', Buffer.concat([encodeMap([{ offset: 100, bytes: 5 }], 1000), Buffer.from('holes')]), {
    sparseBytes: 1000,
  }),
  endMark,
])

describe('a mutated bundle', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-fuzz-bundle-'))
    await writeFile(join(folder, 'outside'), 'as it was')
  })
  afterAll(() => removeAll(folder))

  it('is unpacked or refused, and never reaches out of its folder', async () => {
    const target = join(folder, 'in/target')
    const { failed, succeeded } = await fuzz(shareOf(0.1), async draw => {
      await removeAll(join(folder, 'in'))
      await mkdir(target, { recursive: true })
      await unpackBundle(bytesOf(mutateBytes(bundle, draw)), {
        ...{ folder: target, overwrite: draw.below(2) === 0, specialBits: false },
        ...{ wants: () => true, onWarning: () => {} },
      }).finally(async () => {
        if ((await readdir(join(folder, 'in'))).length !== 1) throw new Error('it wrote beside its folder')
      })
    })
    expect(succeeded + [...failed.values()].reduce((sum, count) => sum + count, 0)).toBe(shareOf(0.1))
    expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('as it was')
    expect((await readdir(folder)).sort()).toEqual(['in', 'outside'])
  })
})

/** Folders may have come out read-only, which keeps everybody but root from emptying them. */
async function removeAll(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch {
    // Only then: a process for each of thousands of cases takes longer than all that is tested.
    await promisify(execFile)('chmod', ['-R', 'u+rwx', path])
    await rm(path, { recursive: true, force: true })
  }
}
