import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bytesOf } from '../streams/byte-source.js'
import { encodeMap } from './find-holes.js'
import { readBundle } from './read-bundle.js'
import { encodeHeader, endMark, paddingOf, type TarEntry } from './tar-header.js'
import { TargetFolder } from './target-folder.js'
import { unpackBundle } from './unpack-bundle.js'

let folder: string
let target: string
const warnings: string[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-unpack-'))
  target = join(folder, 'target')
  await mkdir(target)
  await writeFile(join(folder, 'outside'), 'as it was')
  warnings.length = 0
})
afterEach(() => rm(folder, { recursive: true, force: true }))

type Given = Partial<Omit<TarEntry, 'name' | 'target'>> & { name: string; target?: string; body?: string | Buffer }

function entry({ name, target: to, body = '', ...rest }: Given): Buffer {
  const content = Buffer.from(body)
  const facts = { kind: 'file' as const, mode: 0o644, uid: 0, gid: 0, mtimeNs: 1_700_000_000_000_000_000n }
  const header = encodeHeader({
    ...{ ...facts, ...rest, name: Buffer.from(name), bodyBytes: content.length },
    target: to === undefined ? undefined : Buffer.from(to),
  })
  return Buffer.concat([header, content, Buffer.alloc(paddingOf(content.length))])
}

const unpack = (entries: readonly Buffer[], changes: { overwrite?: boolean } = {}) =>
  unpackBundle(bytesOf(...entries, endMark), {
    ...{ folder: target, overwrite: changes.overwrite ?? false, specialBits: false },
    wants: () => true,
    onWarning: message => warnings.push(message),
  })

describe('a disk that is full', () => {
  it('is named, with what to do, and what was begun of a file is gone', async () => {
    const place = new TargetFolder({ folder: target, overwrite: false, specialBits: false })
    const file = place.place({ name: Buffer.from('a/b') }, async path => {
      await writeFile(path, 'half of it')
      // Only Linux has a file that is always full.
      if (process.platform === 'linux') return writeFile('/dev/full', 'the other half')
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    })
    await expect(file).rejects.toMatchObject({
      code: 'disk-full',
      message: `no room is left on the disk of ${target} (ENOSPC)`,
      hint: expect.stringContaining('another disk'),
    })
    expect(await readdir(join(target, 'a'))).toEqual([])
  })
})

describe('a hostile bundle', () => {
  it.each(['../outside', '/etc/passwd', 'a/../../outside', 'a//b', './a', '..', ''])(
    'named %j is refused',
    async name => {
      await expect(unpack([entry({ name, body: 'evil' })])).rejects.toMatchObject({ code: 'archive-invalid' })
      expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('as it was')
      expect(await readdir(target)).toEqual([])
    },
  )

  it('writes nothing through a link that it made before', async () => {
    const made = entry({ name: 'way', kind: 'link', target: '..' })
    for (const through of [entry({ name: 'way/outside', body: 'evil' }), entry({ name: 'way/new/file', body: 'evil' })])
      for (const overwrite of [false, true]) {
        await expect(unpack([made, through], { overwrite })).rejects.toMatchObject({ code: 'restore-failed' })
        await rm(join(target, 'way'))
      }
    expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('as it was')
    expect(await readdir(folder)).toEqual(['outside', 'target'])
  })

  it('replaces a link by a file of its name, and not what the link leads to', async () => {
    await symlink('../outside', join(target, 'file'))
    await expect(unpack([entry({ name: 'file', body: 'new' })])).rejects.toMatchObject({ code: 'target-not-empty' })
    await unpack([entry({ name: 'file', body: 'new' })], { overwrite: true })
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('new')
    expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('as it was')
  })

  it('replaces a name of a file and not the file, which may have other names', async () => {
    await link(join(folder, 'outside'), join(target, 'file'))
    await unpack([entry({ name: 'file', body: 'new' })], { overwrite: true })
    expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('as it was')
  })

  it('cannot hold one name twice', async () => {
    const twice = [entry({ name: 'file', body: 'one' }), entry({ name: 'file', body: 'two' })]
    await expect(unpack(twice)).rejects.toMatchObject({ code: 'target-not-empty' })
  })

  it('leaves special bits and temporary names behind', async () => {
    await unpack([entry({ name: 'tool', mode: 0o6755, body: 'x' })])
    expect((await stat(join(target, 'tool'))).mode & 0o7777).toBe(0o755)
    expect(warnings).toEqual([expect.stringContaining('of 1 files')])
    expect(await readdir(target)).toEqual(['tool'])
  })

  it('claims no map that contradicts itself, and no attributes without end', async () => {
    const mapped = (extents: { offset: number; bytes: number }[], sparseBytes: number) =>
      entry({ name: 'file', sparseBytes, body: Buffer.concat([encodeMap(extents, sparseBytes), Buffer.alloc(10)]) })
    const backwards = [
      { offset: 50, bytes: 5 },
      { offset: 40, bytes: 5 },
    ]
    const wrong = [
      mapped([{ offset: 95, bytes: 10 }], 100),
      mapped(backwards, 100),
      entry({ name: 'file', sparseBytes: 100, body: Buffer.from('9999999999\n1\n'.padEnd(512, '\0')) }),
    ]
    for (const one of wrong)
      await expect(unpack([one])).rejects.toMatchObject({ code: expect.stringMatching(/archive-(invalid|truncated)/) })
    const endless = entry({ name: 'x'.repeat(150) })
    endless.write('77777777777\0', 124)
    await expect(unpack([endless])).rejects.toMatchObject({ code: 'archive-invalid' })
  })
})

describe('the end of a bundle', () => {
  const entries = [
    entry({ name: 'a', kind: 'folder' }),
    entry({ name: 'a/zeros', body: Buffer.alloc(2048) }),
    entry({ name: 'a/long'.padEnd(200, 'g'), body: 'text' }),
  ]
  const whole = Buffer.concat([...entries, endMark])
  const read = async (bytes: Buffer) => {
    let names = 0
    for await (const _ of readBundle(bytesOf(bytes))) names++
    return names
  }

  it('is proven by two blocks of zeros, with nothing but zeros behind', async () => {
    expect(await read(whole)).toBe(3)
    expect(await read(Buffer.concat([whole, Buffer.alloc(8192)]))).toBe(3)
    await expect(read(Buffer.concat([whole, ...entries]))).rejects.toMatchObject({ code: 'archive-invalid' })
  })

  it('is missed wherever the bundle is cut', async () => {
    for (let at = 0; at < whole.length; at += 128)
      await expect(read(whole.subarray(0, at)), `cut at ${at}`).rejects.toMatchObject({
        code: expect.stringMatching(/archive-(truncated|invalid)/),
      })
  })
})
