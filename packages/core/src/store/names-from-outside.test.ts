import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isBackupError, type Lifeboat, openLifeboat, secret } from '../index.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { assertKey } from './assert-key.js'
import { directory } from './directory-store.js'

const long = 'x'.repeat(5000)
const nasty = [
  ...[
    '',
    '.',
    '..',
    '/',
    '//',
    'a//b',
    '../x',
    'a/../../x',
    '/etc/passwd',
    'a/./b',
    'a/',
    '~root',
    '-rf',
    'CON',
    'nul.txt',
  ],
  ...[
    'a\0b',
    'a\nb',
    'a\u007fb',
    '..\\x',
    'C:\\x',
    '\\\\host\\share',
    '%2e%2e/x',
    '..%2fx',
    'a\u2025b',
    '\uff0e\uff0e/x',
  ],
  ...[
    '\u202e\u0063',
    '\ufeffx',
    'e\u0301',
    '\u00e9',
    '\ud800',
    'a\udfffb',
    '\ud83d\udef6',
    long,
    `${'ü'.repeat(450)}x`,
    'ü'.repeat(200),
  ],
  ...[
    '.lifeboat-tmp-x',
    'x/.lifeboat-tmp-x',
    '__proto__',
    'constructor',
    'shop\u0000/x',
    'shop/..;/x',
    'x'.repeat(256),
  ],
]

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-outside-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const segment = fc.oneof(
  fc.constantFrom(...nasty),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('a', 'b'),
)
const keys = fc.oneof(
  fc.constantFrom(...nasty),
  fc.array(segment, { minLength: 1, maxLength: 4 }).map(segments => segments.join('/')),
)

describe('a key from outside', () => {
  it('is refused, or lies in the store under exactly this name and nowhere else', async () => {
    let taken = 0
    let refused = 0
    let runs = 0
    await fc.assert(
      fc.asyncProperty(keys, async key => {
        const outer = join(folder, `${runs++}`)
        const root = join(outer, 'store')
        const store = directory(root)
        try {
          await store.put(key, bytesOf('x'))
        } catch (error) {
          expect(store.classify(error), JSON.stringify(key)).toBe('store-refused')
          refused++
          expect(await filesIn(outer)).toEqual([])
          return
        }
        taken++
        const found: string[] = []
        for await (const one of store.list('')) found.push(one.key)
        expect(found).toEqual([key])
        expect((await readWhole(store.get(key), 10)).toString()).toBe('x')
        expect(await filesIn(outer)).toEqual([`store${sep}${key.split('/').join(sep)}`])
      }),
      { numRuns: 1500, examples: nasty.map(key => [key]) },
    )
    expect(Math.min(taken, refused)).toBeGreaterThan(100)
  })

  it('is bounded in bytes, as services bound it, and holds no half of a character', () => {
    expect(() => assertKey('x'.repeat(900))).not.toThrow()
    expect(() => assertKey('ü'.repeat(450))).not.toThrow()
    for (const key of ['x'.repeat(901), 'ü'.repeat(451), 'a\ud800', '\udc00a'])
      expect(() => assertKey(key)).toThrow(expect.objectContaining({ code: 'store-refused' }))
  })
})

describe('a name from outside', () => {
  let lifeboat: Lifeboat
  const outer = () => join(folder, 'named')

  beforeAll(async () => {
    lifeboat = await openLifeboat({
      products: {
        shop: {
          source: { url: secret.value('postgres://nobody@127.0.0.1:1/nothing') },
          encryption: { passphrase: secret.value('correct horse battery') },
          destinations: { local: { store: directory(join(outer(), 'store')) } },
        },
      },
    })
  })

  it.each(nasty)('%j names no product, no backup and no destination, and leaves nothing', async name => {
    const calls = [
      () => lifeboat.backup(name),
      () => lifeboat.prune(name, { apply: true }),
      () => lifeboat.sweep(name, { apply: true }),
      () => lifeboat.list(name),
      () => lifeboat.doctor(name),
      () => lifeboat.show(name),
      () => lifeboat.verify(`${name}/latest`),
      () => lifeboat.verify(`shop/${name}`),
      () => lifeboat.prune('shop', { apply: true, destination: name }),
    ]
    for (const call of calls) {
      const error = await call().then(
        () => 'it was taken',
        (failure: unknown) => failure,
      )
      if (!isBackupError(error)) throw new Error(`${JSON.stringify(name)}: ${error}`)
      expect(['config-invalid', 'backup-missing']).toContain(error.code)
    }
    expect(await filesIn(outer())).toEqual([])
  })

  it('does not name a label that a manifest could not be read with again', async () => {
    const odd = [
      ['__proto__', 'x'],
      ['', 'x'],
      ['a\nb', 'x'],
      [long, 'x'],
      ['a', 'x'.repeat(20_000)],
    ]
    for (const label of odd) {
      const labels: Record<string, string> = Object.fromEntries([label])
      await expect(lifeboat.backup('shop', { labels })).rejects.toMatchObject({
        code: 'config-invalid',
        message: expect.stringContaining('label'),
      })
    }
  })
})

async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter(one => one.isFile()).map(one => join(one.parentPath, one.name).slice(path.length + 1))
}
