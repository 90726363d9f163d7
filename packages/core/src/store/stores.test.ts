import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BackupError } from '../errors/backup-error.js'
import { type ByteSource, bytesOf, readWhole } from '../streams/byte-source.js'
import { untilAborted } from '../streams/until-aborted.js'
import { objectStoreSuite } from '../testing/object-store-suite.js'
import { classifyFileError } from './classify-file-error.js'
import { directory } from './directory-store.js'
import { memoryStore } from './memory-store.js'
import type { ObjectStore } from './object-store.js'
import { wrapStoreError } from './wrap-store-error.js'

let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lifeboat-stores-'))
})
afterAll(async () => {
  await rm(scratch, { recursive: true, force: true })
})

let stores = 0
const freshPath = () => join(scratch, `store-${stores++}`)
const filesIn = async (path: string): Promise<string[]> =>
  (await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []))
    .filter(entry => !entry.isDirectory())
    .map(entry => entry.name)

objectStoreSuite(
  { describe, it },
  {
    name: 'memory',
    makeStore: () => memoryStore(),
    makeLockingStore: () => memoryStore({ objectLock: true }),
  },
)
objectStoreSuite(
  { describe, it },
  { name: 'memory without conditional put', makeStore: () => memoryStore({ conditionalPut: false }) },
)
objectStoreSuite(
  { describe, it },
  {
    name: 'directory',
    makeStore: () => directory(freshPath()),
    assertNoResidue: async store => {
      expect((await filesIn(store.location)).filter(name => name.startsWith('.lifeboat-tmp-'))).toEqual([])
    },
  },
)

describe('directory', { timeout: 60_000 }, () => {
  const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)
  const keysOf = async (store: ObjectStore) => {
    const keys: string[] = []
    for await (const { key } of store.list('')) keys.push(key)
    return keys
  }

  it('makes files that only their owner reads', async () => {
    const path = freshPath()
    await directory(path).put('product/id/manifest.json', bytesOf('{}'))
    expect(await modeOf(join(path, 'product/id/manifest.json'))).toBe('600')
    expect(await modeOf(join(path, 'product/id'))).toBe('700')
    expect(await modeOf(path)).toBe('700')
  })

  it('leaves neither a file nor a folder behind a failed put', async () => {
    const path = freshPath()
    const store = directory(path)
    await store.put('kept', bytesOf('x'))
    async function* failing(): ByteSource {
      yield Buffer.alloc(3_000_000)
      expect((await readdir(join(path, 'a/b')))[0]).toMatch(/^\.lifeboat-tmp-/)
      expect(await keysOf(store)).toEqual(['kept'])
      throw new Error('failed')
    }
    await expect(store.put('a/b/c', failing())).rejects.toThrow('failed')
    expect(await readdir(path)).toEqual(['kept'])
  })

  it('takes the emptied folders along when it removes an object', async () => {
    const path = freshPath()
    const store = directory(path)
    await store.put('a/b/c', bytesOf('x'))
    await store.remove('a/b/c')
    expect(await readdir(path)).toEqual([])
  })

  it('survives puts and removals in one folder at the same time', async () => {
    const store = directory(freshPath())
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        await store.put(`shared/${i}`, bytesOf('x'))
        await store.remove(`shared/${i}`)
      }),
    )
    expect(await keysOf(store)).toEqual([])
  })

  it('writes nothing before the first put, and hints at the folder when something is missing', async () => {
    const path = freshPath()
    const store = directory(path)
    await store.probe?.()
    expect(await keysOf(store)).toEqual([])
    await expect(readWhole(store.get('k'), 10)).rejects.toMatchObject({
      code: 'object-missing',
      hint: expect.stringContaining(`${path} does not exist`),
    })
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('neither lists nor follows symbolic links', async () => {
    const path = freshPath()
    const outside = freshPath()
    await mkdir(outside)
    await writeFile(join(outside, 'secret'), 'secret')
    const store = directory(path)
    await store.put('mine', bytesOf('x'))
    await symlink(outside, join(path, 'out'))
    await symlink(join(outside, 'secret'), join(path, 'link'))

    expect(await keysOf(store)).toEqual(['mine'])
    await expect(readWhole(store.get('link'), 10)).rejects.toMatchObject({ code: 'object-missing' })
    await expect(readWhole(store.get('out/secret'), 10)).rejects.toMatchObject({ code: 'store-refused' })
    await expect(store.put('out/new', bytesOf('x'))).rejects.toMatchObject({ code: 'store-refused' })
    await expect(store.remove('out/secret')).rejects.toMatchObject({ code: 'store-refused' })
    expect(await readdir(outside)).toEqual(['secret'])

    await store.put('link', bytesOf('replaced'))
    expect((await lstat(join(path, 'link'))).isSymbolicLink()).toBe(false)
    expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('secret')
  })

  it('works through a root that is itself a link', async () => {
    const real = freshPath()
    await mkdir(real)
    const path = freshPath()
    await symlink(real, path)
    const store = directory(path)
    await store.put('a/b', bytesOf('x'))
    expect(await keysOf(store)).toEqual(['a/b'])
  })

  it('refuses an object where a folder is, and a folder where an object is', async () => {
    const store = directory(freshPath())
    await store.put('a', bytesOf('x'))
    const failure = await store.put('a/b', bytesOf('y')).catch((error: unknown) => error)
    expect(['store-refused', 'object-exists']).toContain(store.classify(failure))
    await store.put('c/d', bytesOf('x'))
    expect(store.classify(await store.put('c', bytesOf('y')).catch((error: unknown) => error))).toBe('store-refused')
    expect(await store.head('c')).toBeUndefined()
    expect(await keysOf(store)).toHaveLength(2)
  })

  it('says that a file lies where its folder should be, and lists it not as empty', async () => {
    const path = freshPath()
    await writeFile(path, 'x')
    const store = directory(path)
    await expect(keysOf(store)).rejects.toMatchObject({ code: 'store-refused', message: `${path} is not a folder` })
    const failed = await store.put('a/b', bytesOf('x')).catch((error: unknown) => error)
    expect(wrapStoreError(failed, { store, doing: 'put a/b' })).toMatchObject({
      code: 'store-refused',
      hint: 'a file lies where a folder should be: correct the path of the store',
    })
  })

  it('refuses keys that look like its temporary files', async () => {
    await expect(directory(freshPath()).put('.lifeboat-tmp-1', bytesOf('x'))).rejects.toMatchObject({
      code: 'store-refused',
    })
  })
})

describe('classifyFileError', () => {
  it.each([
    ['ENOSPC', 'store-full'],
    ['EDQUOT', 'store-full'],
    ['EACCES', 'store-refused'],
    ['EPERM', 'store-refused'],
    ['EROFS', 'store-refused'],
    ['ENOENT', 'object-missing'],
    ['EEXIST', 'object-exists'],
    ['EWHATEVER', undefined],
  ])('%s is %s', (code, expected) => {
    expect(classifyFileError(Object.assign(new Error(code), { code }))).toBe(expected)
  })

  it('repeats the code of a BackupError, and knows nothing of other values', () => {
    expect(classifyFileError(new BackupError('locked', 'x'))).toBe('locked')
    expect(classifyFileError('text')).toBeUndefined()
  })
})

describe('untilAborted', { timeout: 60_000 }, () => {
  it('keeps no chunk alive: a race per chunk against one signal would hold them all', async () => {
    const signal = new AbortController().signal
    async function* source(): ByteSource {
      for (let i = 0; i < 1000; i++) yield Buffer.allocUnsafeSlow(1024 * 1024)
    }
    let most = 0
    for await (const _ of untilAborted(source(), signal)) most = Math.max(most, process.memoryUsage().arrayBuffers)
    expect(most).toBeLessThan(700_000_000)
  })
})
