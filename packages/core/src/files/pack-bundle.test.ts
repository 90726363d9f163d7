import { execFile } from 'node:child_process'
import { appendFile, chmod, mkdir, mkdtemp, realpath, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BundleConfig } from '../config/files-schema.js'
import { packBundle } from './pack-bundle.js'
import { readBundle } from './read-bundle.js'
import { type FoundEntry, walkBundle } from './walk-bundle.js'

const run = promisify(execFile)
let folder: string
let root: string

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'lifeboat-pack-')))
  root = join(folder, 'root')
  await mkdir(join(root, 'a/b'), { recursive: true })
  await mkdir(join(root, 'c'))
  await writeFile(join(root, 'a/b/deep.json'), '{}')
  await writeFile(join(root, 'c/.hidden'), 'h')
  await writeFile(join(root, 'top'), 'top')
  await writeFile(join(folder, 'outside'), 'secret')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** What a bundle takes: names and contents, and what was said. */
async function pack(config: Partial<BundleConfig>, between?: (found: FoundEntry) => Promise<void>) {
  const said: string[] = []
  const note = (name: Buffer, why: string) => void said.push(`${name}: ${why}`)
  const bundle = { include: ['**'], exclude: [], followSymlinks: false, ...config }
  async function* watched() {
    for await (const found of walkBundle(bundle, { root, avoid: [], onSkipped: note })) {
      await between?.(found)
      yield found
    }
  }
  const names: string[] = []
  let contents = ''
  for await (const entry of readBundle(packBundle(watched(), { onSkipped: note, onChanged: note }))) {
    const name = entry.name.toString()
    const shown = { link: `${name} -> ${entry.target}`, folder: `${name}/`, file: name, other: '?' }
    names.push(shown[entry.kind])
    for await (const chunk of entry.body) contents += Buffer.from(chunk)
  }
  return { names, said, contents }
}

describe('a bundle', () => {
  it.each([
    [['**'], [], ['a/', 'a/b/', 'a/b/deep.json', 'c/', 'c/.hidden', 'top']],
    [['a'], [], ['a/', 'a/b/', 'a/b/deep.json']],
    [['*'], ['c'], ['a/', 'a/b/', 'a/b/deep.json', 'top']],
    [['**/*.json'], [], ['a/', 'a/b/', 'a/b/deep.json']],
    [['a/b/*.json', 'top'], [], ['a/', 'a/b/', 'a/b/deep.json', 'top']],
    [['{a,c}/**'], ['**/deep.*'], ['a/', 'a/b/', 'c/', 'c/.hidden']],
    [['c/*'], [], ['c/', 'c/.hidden']],
    [['a/x/**'], [], []],
  ])('of %j without %j takes %j', async (include, exclude, expected) => {
    expect((await pack({ include, exclude })).names).toEqual(expected)
  })

  it('never follows a link unless told, and then only to what is below the root and not back up', async () => {
    await symlink('../outside', join(root, 'out'))
    await symlink('..', join(root, 'up'))
    await symlink('/etc', join(root, 'etc'))
    await symlink('a/b', join(root, 'in'))
    await symlink('..', join(root, 'a/b/circle'))
    await symlink('nowhere', join(root, 'dangling'))
    const exclude = ['a', 'c', 'top']
    const kept = await pack({ exclude })
    expect(kept.names).toEqual(['dangling -> nowhere', 'etc -> /etc', 'in -> a/b', 'out -> ../outside', 'up -> ..'])
    const followed = await pack({ exclude, followSymlinks: true })
    const below = followed.names.filter(name => name.startsWith('in/'))
    expect(followed.names).toEqual([...kept.names.slice(0, 2), ...below, ...kept.names.slice(3)])
    expect(followed.names).toContain('in/deep.json')
    expect(followed.names.length).toBeLessThan(12)
    expect(followed.contents).not.toContain('secret')
  })

  it('says what went, and what took the place of another, and follows neither', async () => {
    for (const name of ['gone', 'swapped']) await writeFile(join(root, name), 'x'.repeat(1000))
    const { names, said, contents } = await pack({ include: ['gone', 'swapped', 'top'] }, async found => {
      const name = found.name.toString()
      const path = join(root, name)
      if (name === 'gone') await rm(path)
      if (name !== 'swapped') return
      await rm(path)
      await symlink('../outside', path)
    })
    expect(names).toEqual(['top'])
    expect(said).toEqual(['gone: it went while the backup was made', 'swapped: ELOOP'])
    expect(contents).not.toContain('secret')
  })

  it.each([
    ['cut', (path: string) => truncate(path, 2 ** 20), 'it became shorter; zeros stand for the rest'],
    ['longer', (path: string) => appendFile(path, 'more'), 'it grew; what it held at first is stored'],
    ['written to', (path: string) => writeFile(path, 'y', { flag: 'r+' }), 'it was written to'],
  ])('stays whole when a file is %s while it is read, and says so', async (_, change, how) => {
    const path = join(root, 'large')
    await writeFile(path, 'x'.repeat(5 * 2 ** 20))
    const said: string[] = []
    let chunks = 0
    const bundle = { include: ['large'], exclude: [], followSymlinks: false }
    const entries = walkBundle(bundle, { root, avoid: [], onSkipped: () => {} })
    const packing = packBundle(entries, { onSkipped: () => {}, onChanged: (_name, why) => void said.push(why) })
    const source = (async function* () {
      for await (const chunk of packing) {
        // The salt has come, and the file's header: the size is given.
        if (++chunks === 2) await change(path)
        yield chunk
      }
    })()
    let sizeBytes = 0
    for await (const entry of readBundle(source)) sizeBytes = entry.sizeBytes
    expect(said).toEqual([expect.stringContaining(how)])
    expect(sizeBytes).toBe(5 * 2 ** 20)
  })

  it('leaves out pipes and what cannot be read, each with a word', async () => {
    await run('mkfifo', [join(root, 'pipe')])
    const { names, said } = await pack({ include: ['pipe', 'top'] })
    expect(names).toEqual(['top'])
    expect(said).toEqual(['pipe: it is a pipe'])
    await chmod(join(root, 'top'), 0)
    const unreadable = await pack({ include: ['top'] })
    // The superuser reads everything.
    expect(unreadable.said).toEqual(process.getuid?.() === 0 ? [] : ['top: it may not be read'])
  })
})
