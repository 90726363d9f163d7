import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { RestoreObjectsOptions } from '../api/objects.js'
import { secret } from '../config/secret.js'
import { BackupError } from '../errors/backup-error.js'
import type { BackupEvent } from '../events/backup-event.js'
import { openLifeboat } from '../lifeboat.js'
import { directory } from '../store/directory-store.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { listingKey, snapshotKey } from './object-layout.js'
import { contents, fill, keyFolder, keysOf, openShop } from './testing/shop.js'

const day = 24 * 3_600_000
const passphrase = 'correct horse battery staple'
const folders: string[] = []

const keys = keyFolder('team', 'writer')

afterEach(async () => {
  await Promise.all(folders.splice(0).map(folder => rm(folder, { recursive: true, force: true })))
})

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-objects-'))
  folders.push(folder)
  return folder
}

interface Setup {
  readonly source?: ObjectStore
  readonly store?: ObjectStore
  readonly prefix?: string
  readonly retention?: object
}

async function open(
  source: ObjectStore,
  store: ObjectStore,
  options: { readonly prefix?: string; readonly retention?: object; readonly configFolder?: string } = {},
  encryption?: object,
) {
  const clock = { now: new Date('2026-11-21T02:00:00Z') }
  const { configFolder, ...set } = options
  const lifeboat = await openShop({
    ...{ from: source, store, set, encryption, deps: { now: () => clock.now } },
    keys: configFolder === undefined ? keys : { ...keys, path: configFolder },
  })
  return { lifeboat, clock, source, store }
}

async function setUp({ source = memoryStore(), store = memoryStore(), ...options }: Setup = {}) {
  return open(source, store, options)
}

/** The store, with every `get` of it counted. */
function counting(store: ObjectStore): ObjectStore & { readonly gets: string[] } {
  const gets: string[] = []
  return {
    ...store,
    gets,
    get(key, options) {
      gets.push(key)
      return store.get(key, options)
    },
  }
}

const three = { 'a/one.txt': 'first', 'a/two.txt': 'second', 'b/three.txt': 'third' }

describe('copies of objects', () => {
  it('bring back what was there at both points in time, and fetch again only what changed', async () => {
    const source = counting(memoryStore())
    const { lifeboat, clock } = await setUp({ source })
    await fill(source, { ...three, empty: '' })
    const first = await lifeboat.copyObjects('shop', 'uploads')
    expect(first.destinations[0]).toMatchObject({ outcome: 'complete', added: 4, unchanged: 0, fetchedBytes: 16 })
    const before = await contents(source)
    source.gets.length = 0

    clock.now = new Date(clock.now.getTime() + day)
    await fill(source, { 'a/two.txt': 'second, changed', 'c/four.txt': 'fourth' })
    await source.remove('b/three.txt')
    const second = await lifeboat.copyObjects('shop', 'uploads')
    expect(source.gets.sort()).toEqual(['a/two.txt', 'c/four.txt'])
    expect(second.destinations[0]).toMatchObject({ added: 1, changed: 1, removed: 1, unchanged: 2 })

    const ids = [first, second].map(({ destinations }) => destinations[0]!.snapshot!.id)
    const after = await contents(source)
    for (const [at, expected] of [before, after].entries()) {
      const target = memoryStore()
      const options = { snapshot: ids[at]!, readBack: true }
      const result = await lifeboat.restoreObjects('shop', 'uploads', target, options)
      expect(result.findings).toEqual([])
      expect(await contents(target)).toEqual(expected)
    }
    expect((await lifeboat.listObjectSnapshots('shop')).snapshots.map(({ id }) => id)).toEqual(ids.reverse())
  })

  it('keep content types and what owners noted', async () => {
    const { lifeboat, source } = await setUp()
    const metadata = { contentType: 'image/png', cacheControl: 'no-store', user: { owner: 'seven' } }
    await source.put('logo.png', bytesOf('pixels'), { metadata })
    await lifeboat.copyObjects('shop', 'uploads')
    const target = memoryStore()
    await lifeboat.restoreObjects('shop', 'uploads', target)
    expect((await target.head('logo.png'))?.metadata).toEqual(metadata)
    const plan = await lifeboat.planObjectRestore('shop', 'uploads', directory(await newFolder()))
    expect(plan.warnings.join()).toMatch(/keeps no content type or other metadata: 1 objects/)
  })

  it('say nothing of names and contents in what they store', async () => {
    const store = directory(await newFolder())
    const { lifeboat, source } = await setUp({ store })
    await source.put('customers/alice.pdf', bytesOf('a very secret paper'), {
      metadata: { user: { note: 'hush-hush' } },
    })
    await lifeboat.copyObjects('shop', 'uploads')
    for (const [key, text] of Object.entries(await contents(store))) {
      for (const secretText of ['alice', 'secret paper', 'hush-hush']) {
        expect(key).not.toContain(secretText)
        expect(text).not.toContain(secretText)
      }
    }
  })

  it('come back whole or by prefix, never over what is there unless told', async () => {
    const { lifeboat, source } = await setUp()
    await fill(source, three)
    await lifeboat.copyObjects('shop', 'uploads')
    const target = memoryStore()
    await fill(target, { 'a/one.txt': 'mine', 'x/other': 'mine as well' })
    const restore = (options: RestoreObjectsOptions) => lifeboat.restoreObjects('shop', 'uploads', target, options)
    await expect(restore({})).rejects.toMatchObject({ code: 'target-not-empty' })
    expect(await restore({ prefix: 'b/' })).toMatchObject({ restored: 1, plan: { objects: 1, present: 0 } })
    expect(await restore({ existing: 'keep' })).toMatchObject({ restored: 1, kept: 2 })
    expect(await contents(target)).toEqual({ ...three, 'a/one.txt': 'mine', 'x/other': 'mine as well' })
    expect(await restore({ existing: 'overwrite' })).toMatchObject({ restored: 3, kept: 0 })
    expect(await contents(target)).toEqual({ ...three, 'x/other': 'mine as well' })
  })

  it('take a second word to overwrite the source itself', async () => {
    const { lifeboat, source } = await setUp()
    await fill(source, three)
    await lifeboat.copyObjects('shop', 'uploads')
    await source.remove('a/one.txt')
    await fill(source, { 'a/two.txt': 'newer' })
    const existing = 'overwrite' as const
    await expect(lifeboat.restoreObjects('shop', 'uploads', 'source', { existing })).rejects.toMatchObject({
      code: 'target-is-source',
    })
    await lifeboat.restoreObjects('shop', 'uploads', 'source', { existing: 'keep' })
    expect(await contents(source)).toEqual({ ...three, 'a/two.txt': 'newer' })
    await lifeboat.restoreObjects('shop', 'uploads', 'source', { existing, overwriteSource: true })
    expect(await contents(source)).toEqual(three)
  })

  it('take only what the prefix names', async () => {
    const { lifeboat, source } = await setUp({ prefix: 'a/' })
    await fill(source, three)
    const { destinations } = await lifeboat.copyObjects('shop', 'uploads')
    expect(destinations[0]?.snapshot).toMatchObject({ objects: 2, prefix: 'a/' })
  })

  it('stream long objects past memory, each into a content of its own', async () => {
    const { lifeboat, source, store } = await setUp()
    const long = 'x'.repeat(3 * 1024 * 1024)
    await fill(source, { ...three, 'b/long.bin': long })
    await lifeboat.copyObjects('shop', 'uploads')
    expect(await keysOf(store, 'shop/objects/uploads/content/')).toHaveLength(2)
    const target = memoryStore()
    await lifeboat.restoreObjects('shop', 'uploads', target, { readBack: true })
    expect(await contents(target)).toEqual({ ...three, 'b/long.bin': long })
  })

  it.each(['refuse', 'keep'] as const)('read back what they restored, where the target says %s', async existing => {
    const { lifeboat, source } = await setUp()
    await fill(source, three)
    await lifeboat.copyObjects('shop', 'uploads')
    const inner = memoryStore()
    const target: ObjectStore = {
      ...inner,
      // A store that loses what it was given, and shows nothing of it.
      put: (key, bytes, options) => inner.put(key, key === 'a/two.txt' ? bytesOf('SECOND') : bytes, options),
    }
    if (existing === 'keep') await inner.put('a/one.txt', bytesOf('mine, and none of theirs'))
    const options = { existing, readBack: true } as const
    const { findings, restored } = await lifeboat.restoreObjects('shop', 'uploads', target, options)
    expect(restored).toBe(existing === 'keep' ? 2 : 3)
    expect(findings.map(({ code, message }) => [code, message])).toEqual([
      ['object-differs', 'a/two.txt does not hold the bytes that were restored'],
    ])
  })

  it('sort the listing of a source that gives it in any order', async () => {
    const folder = await newFolder()
    const source = directory(folder)
    const { lifeboat, clock } = await setUp({ source })
    const keys = ['z/1', 'a/b/c', 'a-b', 'a.b', 'a/0', 'ü/日本', 'boat/🛟/file', 'boat/\uffee/file']
    await fill(source, Object.fromEntries(keys.map(key => [key, `content of ${key}`])))
    await lifeboat.copyObjects('shop', 'uploads')
    clock.now = new Date(clock.now.getTime() + day)
    const { destinations } = await lifeboat.copyObjects('shop', 'uploads')
    expect(destinations[0]).toMatchObject({ unchanged: keys.length, added: 0, changed: 0, removed: 0 })
  })

  it('refuse a source that breaks the order it promises, and leave nothing', async () => {
    const source = memoryStore()
    const lying: ObjectStore = {
      ...source,
      async *list(prefix, options) {
        const all = []
        for await (const one of source.list(prefix, options)) all.push(one)
        yield* all.reverse()
      },
    }
    const { lifeboat, store } = await setUp({ source: lying })
    await fill(source, three)
    await expect(lifeboat.copyObjects('shop', 'uploads')).rejects.toMatchObject({ code: 'store-refused' })
    expect(await keysOf(store)).toEqual([])
  })
})

describe('a source that does not hold still', () => {
  it('has what changed while it was read fetched again at the end, and what went away left out', async () => {
    const inner = memoryStore()
    let changes = 1
    const source: ObjectStore = {
      ...inner,
      async *get(key, options) {
        if (key === 'a/two.txt' && changes-- > 0) await fill(inner, { 'a/two.txt': 'second, newer' })
        if (key === 'b/three.txt') await inner.remove(key)
        yield* inner.get(key, options)
      },
    }
    const { lifeboat } = await setUp({ source })
    await fill(inner, three)
    const warnings: BackupEvent[] = []
    const onEvent = (event: BackupEvent) => {
      if (event.type === 'warning.raised') warnings.push(event)
    }
    const { status, destinations } = await lifeboat.copyObjects('shop', 'uploads', { onEvent })
    expect(status).toBe('complete')
    expect(destinations[0]).toMatchObject({ added: 2, vanished: 1, missed: [] })
    expect(warnings).toHaveLength(2)
    const target = memoryStore()
    await lifeboat.restoreObjects('shop', 'uploads', target)
    expect(await contents(target)).toEqual({ 'a/one.txt': 'first', 'a/two.txt': 'second, newer' })
  })

  it('keeps what an earlier run had of an object that cannot be read, and says so', async () => {
    const inner = memoryStore()
    let denied = false
    const source: ObjectStore = {
      ...inner,
      async *get(key, options) {
        if (denied && key.startsWith('a/')) throw new Error('AccessDenied')
        yield* inner.get(key, options)
      },
      classify: error => ((error as Error).message === 'AccessDenied' ? 'store-auth-failed' : inner.classify(error)),
    }
    const { lifeboat, clock, store } = await setUp({ source })
    await fill(inner, three)
    await lifeboat.copyObjects('shop', 'uploads')
    denied = true
    await fill(inner, { 'a/one.txt': 'first, changed', 'a/new.txt': 'never read' })
    clock.now = new Date(clock.now.getTime() + day)
    const { status, destinations } = await lifeboat.copyObjects('shop', 'uploads')
    expect(status).toBe('partial')
    expect(destinations[0]?.missed.map(({ key, kept }) => [key, kept])).toEqual([
      ['a/new.txt', false],
      ['a/one.txt', true],
    ])
    const target = memoryStore()
    const { plan } = await lifeboat.restoreObjects('shop', 'uploads', target)
    expect(plan.warnings).toHaveLength(2)
    expect(await contents(target)).toEqual(three)
    const report = await lifeboat.verifyObjects('shop', 'uploads')
    expect(report.findings.map(({ code }) => code)).toEqual(['objects-missed'])
    denied = false
    clock.now = new Date(clock.now.getTime() + day)
    expect((await lifeboat.copyObjects('shop', 'uploads')).destinations[0]).toMatchObject({ changed: 1, added: 1 })
    expect(await keysOf(store, 'shop/objects/uploads/snapshots/')).toHaveLength(3)
  })

  it('is not taken for empty when its folder is not there, or lists nothing any more, unless told', async () => {
    const folder = await newFolder()
    const store = memoryStore()
    const gone = await open(directory(join(folder, 'not-mounted')), store)
    await expect(gone.lifeboat.copyObjects('shop', 'uploads')).rejects.toMatchObject({ code: 'files-missing' })
    expect(await keysOf(store)).toEqual([])

    const source = directory(folder)
    const { lifeboat, clock } = await open(source, store)
    await fill(source, three)
    await lifeboat.copyObjects('shop', 'uploads')
    const before = await contents(store)
    clock.now = new Date(clock.now.getTime() + day)
    for (const key of Object.keys(three)) await source.remove(key)
    const emptied = lifeboat.copyObjects('shop', 'uploads')
    await expect(emptied).rejects.toMatchObject({
      code: 'files-missing',
      message: expect.stringContaining('has 3: nothing was copied'),
      hint: expect.stringContaining('`lifeboat objects backup shop uploads --full`'),
    })
    expect(await contents(store)).toEqual(before)
    const [copy] = (await lifeboat.copyObjects('shop', 'uploads', { full: true })).destinations
    expect(copy?.snapshot?.objects).toBe(0)
  })

  it('leaves nothing when the run is cancelled or its destination fails', async () => {
    const { lifeboat, source, store } = await setUp()
    await fill(source, { ...three, 'b/long.bin': 'x'.repeat(3 * 1024 * 1024) })
    const cancel = new AbortController()
    const stopping = lifeboat.copyObjects('shop', 'uploads', {
      signal: cancel.signal,
      onEvent: event => {
        if (event.type === 'stage.progressed') cancel.abort(new Error('enough'))
      },
    })
    await expect(stopping).rejects.toMatchObject({ code: 'cancelled' })
    expect(await keysOf(store)).toEqual([])

    const failing: ObjectStore = {
      ...store,
      async put(key, body, options) {
        if (key.includes('/inventories/')) throw new Error('no room')
        return store.put(key, body, options)
      },
      classify: error => ((error as Error).message === 'no room' ? 'store-full' : store.classify(error)),
    }
    const other = await setUp({ source, store: failing })
    await expect(other.lifeboat.copyObjects('shop', 'uploads')).rejects.toMatchObject({ code: 'store-full' })
    expect(await keysOf(store)).toEqual([])
  })
})

describe('what lies in the store', () => {
  const damage = async (store: ObjectStore, key: string) => {
    const bytes = await readWhole(store.get(key), 2 ** 26)
    bytes[bytes.byteLength - 30]! ^= 1
    await store.put(key, bytesOf(bytes))
  }

  it.each([
    ['content', 'stored', 'content-checksum'],
    ['content', 'content', 'object-differs'],
    ['listings', 'stored', 'listing-damaged'],
    ['listings', 'content', 'listing-damaged'],
    ['inventories', 'listed', 'inventory-damaged'],
  ] as const)('is judged: a damaged file of %s is found at %s', async (folder, level, code) => {
    const { lifeboat, source, store } = await setUp()
    await fill(source, three)
    await lifeboat.copyObjects('shop', 'uploads')
    expect(await lifeboat.verifyObjects('shop', 'uploads', { level })).toMatchObject({ ok: true, findings: [] })
    const [key] = await keysOf(store, `shop/objects/uploads/${folder}/`)
    await damage(store, key!)
    const report = await lifeboat.verifyObjects('shop', 'uploads', { level })
    expect(report.ok).toBe(false)
    expect(report.findings.map(finding => finding.code)).toContain(code)
    if (level === 'content') {
      const target = memoryStore()
      const restoring = lifeboat.restoreObjects('shop', 'uploads', target)
      if (folder === 'content') expect((await restoring).failedCount).toBeGreaterThan(0)
      else await expect(restoring).rejects.toMatchObject({ code: 'object-damaged' })
      for (const text of Object.values(await contents(target))) expect(Object.values(three)).toContain(text)
    }
  })

  it('is told when the newest head cannot be read, and an older snapshot is taken', async () => {
    const { lifeboat, clock, source, store } = await setUp()
    await fill(source, three)
    const { id } = (await lifeboat.copyObjects('shop', 'uploads')).destinations[0]!.snapshot!
    clock.now = new Date(clock.now.getTime() + day)
    const newer = (await lifeboat.copyObjects('shop', 'uploads')).destinations[0]!.snapshot!.id
    const key = snapshotKey('shop', 'uploads', newer)
    await store.put(key, bytesOf('{ "format": '))
    const said: string[] = []
    const onEvent = (event: BackupEvent) => void (event.type === 'warning.raised' && said.push(event.message))
    const { plan } = await lifeboat.restoreObjects('shop', 'uploads', memoryStore(), { onEvent })
    expect(plan.id).toBe(id)
    expect(said).toEqual([`vault: ${key} was passed over: it is not JSON`])
    said.length = 0
    await lifeboat.verifyObjects('shop', 'uploads', { snapshot: id, onEvent })
    expect(said).toEqual([])
    await expect(lifeboat.verifyObjects('shop', 'uploads', { snapshot: newer, onEvent })).rejects.toMatchObject({
      code: 'backup-missing',
    })
    expect(said).toHaveLength(1)
  })

  it('is judged: two sound messages of one length that were exchanged in a pack are found, and restored as nothing', async () => {
    const { lifeboat, source, store } = await setUp()
    await fill(source, { 'a.txt': 'twin one', 'b.txt': 'twin two' })
    await lifeboat.copyObjects('shop', 'uploads')
    const [key] = await keysOf(store, 'shop/objects/uploads/content/')
    const pack = await readWhole(store.get(key!), 2 ** 26)
    const half = pack.byteLength / 2
    await store.put(key!, bytesOf(pack.subarray(half), pack.subarray(0, half)))
    const report = await lifeboat.verifyObjects('shop', 'uploads')
    expect(report.findings.map(one => [one.code, one.message.split(':')[0]])).toEqual([
      ['object-differs', 'a.txt'],
      ['object-differs', 'b.txt'],
    ])
    const target = memoryStore()
    expect(await lifeboat.restoreObjects('shop', 'uploads', target)).toMatchObject({ restored: 0, failedCount: 2 })
    expect(await keysOf(target)).toEqual([])
  })

  it('is judged: content that is gone is found by a look, and made anew by a full copy', async () => {
    const { lifeboat, source, store, clock } = await setUp()
    await fill(source, three)
    await lifeboat.copyObjects('shop', 'uploads')
    const [key] = await keysOf(store, 'shop/objects/uploads/content/')
    await store.remove(key!)
    const report = await lifeboat.verifyObjects('shop', 'uploads', { level: 'listed' })
    expect(report.findings.map(({ code }) => code)).toEqual(['content-missing'])
    clock.now = new Date(clock.now.getTime() + day)
    await lifeboat.copyObjects('shop', 'uploads', { full: true })
    expect(await lifeboat.verifyObjects('shop', 'uploads')).toMatchObject({ ok: true, read: 3 })
  })

  it('is not built on, nor restored, when somebody else wrote it', async () => {
    const { lifeboat, source, store, clock } = await setUp()
    await fill(source, three)
    const first = await lifeboat.copyObjects('shop', 'uploads')
    const { id } = first.destinations[0]!.snapshot!
    const head = snapshotKey('shop', 'uploads', id)
    const snapshot = JSON.parse((await readWhole(store.get(head), 2 ** 20)).toString())
    await store.put(head, bytesOf(JSON.stringify({ ...snapshot, source: 's3://elsewhere' })))
    await expect(lifeboat.restoreObjects('shop', 'uploads', memoryStore())).rejects.toMatchObject({
      code: 'seal-wrong',
    })
    expect((await lifeboat.verifyObjects('shop', 'uploads')).findings.map(({ code }) => code)).toEqual(['seal-wrong'])
    clock.now = new Date(clock.now.getTime() + day)
    expect((await lifeboat.copyObjects('shop', 'uploads')).destinations[0]).toMatchObject({ added: 3, unchanged: 0 })
  })

  it('is read by a sample where everything would cost too much', async () => {
    const { lifeboat, source } = await setUp()
    await fill(source, Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`k${n}`, `content ${n}`])))
    await lifeboat.copyObjects('shop', 'uploads')
    const { read, ok } = await lifeboat.verifyObjects('shop', 'uploads', { sample: 0.25 })
    expect(ok).toBe(true)
    expect(read).toBeGreaterThan(40)
    expect(read).toBeLessThan(200)
  })

  it('opens with stock gpg, listing and content', async () => {
    const folder = await newFolder()
    const byPassphrase = { passphrase: secret.value(passphrase, 'a test') }
    const { lifeboat, source } = await open(memoryStore(), directory(folder), {}, byPassphrase)
    await fill(source, three)
    const { destinations } = await lifeboat.copyObjects('shop', 'uploads')
    const home = await newFolder()
    const secretFile = join(home, 'passphrase')
    await writeFile(secretFile, passphrase, { mode: 0o600 })
    const decrypted = (input: Buffer) =>
      execFileSync(
        'gpg',
        [
          '--homedir',
          home,
          '--batch',
          '--quiet',
          '--pinentry-mode',
          'loopback',
          '--passphrase-file',
          secretFile,
          '--decrypt',
        ],
        { input, stdio: ['pipe', 'pipe', 'ignore'] },
      )
    const store = directory(folder)
    const listed = decrypted(
      await readWhole(store.get(listingKey('shop', 'uploads', destinations[0]!.snapshot!.id)), 2 ** 20),
    )
    const lines = execFileSync('gunzip', { input: listed }).toString().trim().split('\n')
    expect(lines).toHaveLength(3)
    for (const line of lines) {
      const { key, in: name, offset, length } = JSON.parse(line)
      const pack = await readWhole(store.get(`shop/objects/uploads/content/${name}.gpg`), 2 ** 26)
      expect(decrypted(pack.subarray(offset, offset + length)).toString()).toBe(three[key as keyof typeof three])
    }
  })
})

describe('keys', () => {
  it('let a machine that cannot open content copy what changed, where it has a key of its own to seal with', async () => {
    const sealing = { recipients: ['team.asc'], signingKey: 'writer-private.asc' }
    const [source, store] = [memoryStore(), memoryStore()]
    await fill(source, three)
    const { lifeboat, clock } = await open(source, store, {}, sealing)
    await lifeboat.copyObjects('shop', 'uploads')
    clock.now = new Date(clock.now.getTime() + day)
    await fill(source, { 'a/one.txt': 'changed' })
    expect((await lifeboat.copyObjects('shop', 'uploads')).destinations[0]).toMatchObject({ changed: 1, unchanged: 2 })
    await expect(lifeboat.restoreObjects('shop', 'uploads', memoryStore())).rejects.toMatchObject({
      code: 'key-missing',
    })

    const reading = await open(source, store, {}, { ...sealing, privateKey: 'team-private.asc' })
    const target = memoryStore()
    await reading.lifeboat.restoreObjects('shop', 'uploads', target)
    expect(await contents(target)).toEqual({ ...three, 'a/one.txt': 'changed' })

    const neither = await open(source, memoryStore(), {}, { recipients: ['team.asc'] })
    await expect(neither.lifeboat.copyObjects('shop', 'uploads')).rejects.toMatchObject({ code: 'key-missing' })
  })
})

describe('retention', () => {
  it('removes snapshots by the rules, and then the content that none of the others needs', async () => {
    const clockOf = { now: new Date() }
    const store = memoryStore({ now: () => clockOf.now })
    const { lifeboat, source, clock } = await setUp({ store, retention: { last: 2, minimum: 1 } })
    const copyAt = async (time: string, objects: Readonly<Record<string, string>>) => {
      clockOf.now = clock.now = new Date(time)
      await fill(source, objects)
      return (await lifeboat.copyObjects('shop', 'uploads')).destinations[0]!.snapshot!.id
    }
    await copyAt('2026-11-01T02:00:00Z', three)
    await copyAt('2026-11-02T02:00:00Z', { 'a/one.txt': 'on the second' })
    await copyAt('2026-11-03T02:00:00Z', { 'a/one.txt': 'on the third' })
    const newest = await copyAt('2026-11-04T02:00:00Z', { 'a/one.txt': 'on the fourth' })
    clock.now = new Date('2026-11-06T02:00:00Z')

    const [plan] = await lifeboat.pruneObjects('shop', 'uploads')
    expect(plan).toMatchObject({ applied: false, removed: [], unneeded: { count: 1 }, freed: { count: 0 } })
    expect(plan?.plan.remove).toHaveLength(2)
    expect(await keysOf(store, 'shop/objects/uploads/content/')).toHaveLength(4)

    const [done] = await lifeboat.pruneObjects('shop', 'uploads', { apply: true })
    // The first run's pack still holds what two others need; the second run's holds only what was changed again.
    expect(done).toMatchObject({ applied: true, freed: { count: 1 }, retained: [], held: null })
    expect(done?.removed).toHaveLength(2)
    expect(await keysOf(store, 'shop/objects/uploads/content/')).toHaveLength(3)
    expect(await keysOf(store, 'shop/objects/uploads/listings/')).toHaveLength(2)
    for (const { id } of (await lifeboat.listObjectSnapshots('shop', 'uploads')).snapshots)
      expect(await lifeboat.verifyObjects('shop', 'uploads', { snapshot: id })).toMatchObject({ ok: true })
    expect(newest).toBe((await lifeboat.listObjectSnapshots('shop', 'uploads')).snapshots[0]?.id)
    const [again] = await lifeboat.pruneObjects('shop', 'uploads', { apply: true })
    expect(again).toMatchObject({ removed: [], freed: { count: 0 } })
  })

  it('removes what a killed run left, once it is a day old, and nothing younger', async () => {
    const store = memoryStore()
    const { lifeboat, source, clock } = await setUp({ store, retention: { last: 2 } })
    await fill(source, three)
    await lifeboat.copyObjects('shop', 'uploads')
    const left = 'shop/objects/uploads/content/20261120T020000Z-abcdef/00000001.gpg'
    await store.put(left, bytesOf('left'))
    await store.put('shop/objects/uploads/listings/20261120T020000Z-abcdef.ndjson.gz.gpg', bytesOf('left'))
    await store.put('shop/objects/uploads/content/foreign.txt', bytesOf('not ours'))
    clock.now = new Date()
    expect((await lifeboat.pruneObjects('shop', 'uploads', { apply: true }))[0]).toMatchObject({ freed: { count: 0 } })
    clock.now = new Date(Date.now() + 2 * day)
    expect((await lifeboat.pruneObjects('shop', 'uploads', { apply: true }))[0]).toMatchObject({ freed: { count: 2 } })
    expect(await store.head(left)).toBeUndefined()
    expect(await store.head('shop/objects/uploads/content/foreign.txt')).toBeDefined()
    expect(await lifeboat.verifyObjects('shop', 'uploads')).toMatchObject({ ok: true, read: 3 })
  })

  it('removes no content while one snapshot cannot be read', async () => {
    const store = memoryStore()
    const { lifeboat, source, clock } = await setUp({ store, retention: { last: 1, minimum: 1 } })
    await fill(source, three)
    const first = await lifeboat.copyObjects('shop', 'uploads')
    await store.put(snapshotKey('shop', 'uploads', first.destinations[0]!.snapshot!.id), bytesOf('{}'))
    clock.now = new Date(Date.now() + 2 * day)
    const [result] = await lifeboat.pruneObjects('shop', 'uploads', { apply: true })
    expect(result?.held).toMatch(/cannot be read/)
    expect(await keysOf(store, 'shop/objects/uploads/content/')).toHaveLength(1)
  })

  it('removes no content while a snapshot that is there is said not to be', async () => {
    const inner = memoryStore()
    let silent = ''
    // As behind a cache, or a proxy, that has not heard of it yet.
    const store: ObjectStore = {
      ...inner,
      async *get(key, options) {
        if (key === silent) throw new BackupError('object-missing', `${key} does not exist`)
        yield* inner.get(key, options)
      },
    }
    const { lifeboat, source, clock } = await setUp({ store, retention: { last: 5, minimum: 1 } })
    await fill(source, three)
    const first = await lifeboat.copyObjects('shop', 'uploads')
    clock.now = new Date(clock.now.getTime() + 60_000)
    await source.put('new.txt', bytesOf('a new one'))
    clock.now = new Date(clock.now.getTime() + 60_000)
    const second = await lifeboat.copyObjects('shop', 'uploads')
    silent = snapshotKey('shop', 'uploads', second.destinations[0]!.snapshot!.id)
    clock.now = new Date(Date.now() + 2 * day)
    const [result] = await lifeboat.pruneObjects('shop', 'uploads', { apply: true })
    expect(result).toMatchObject({ freed: { count: 0 }, held: expect.stringContaining(silent) })
    silent = snapshotKey('shop', 'uploads', first.destinations[0]!.snapshot!.id)
    await lifeboat.pruneObjects('shop', 'uploads', { apply: true })
    silent = ''
    expect(await lifeboat.verifyObjects('shop', 'uploads')).toMatchObject({ ok: true, read: 4 })
  })

  it('excludes two copies at once, or leaves both of them whole where the store has no conditional put', async () => {
    const source = memoryStore()
    await fill(source, three)
    for (const conditionalPut of [true, false]) {
      const store = memoryStore({ conditionalPut })
      const [one, other] = await Promise.all([open(source, store), open(source, store)])
      const done = await Promise.allSettled([one, other].map(({ lifeboat }) => lifeboat.copyObjects('shop', 'uploads')))
      const refused = done.flatMap(result => (result.status === 'rejected' ? [result.reason.code] : []))
      if (conditionalPut) expect(refused).toEqual(['locked'])
      const { snapshots } = await one.lifeboat.listObjectSnapshots('shop')
      expect(snapshots).toHaveLength(2 - refused.length)
      for (const { id } of snapshots)
        expect(await one.lifeboat.verifyObjects('shop', 'uploads', { snapshot: id })).toMatchObject({
          ok: true,
          read: 3,
        })
    }
  })

  it('waits for a run that is under way, and database backups of the product do not', async () => {
    const store = memoryStore()
    const { lifeboat, source } = await setUp({ store })
    await fill(source, three)
    let during: unknown
    await lifeboat.copyObjects('shop', 'uploads', {
      onEvent: event => {
        if (event.type === 'stage.progressed' && during === undefined)
          during = lifeboat.pruneObjects('shop', 'uploads', { apply: true }).catch((error: unknown) => error)
      },
    })
    expect(await during).toMatchObject({ code: 'locked' })
    expect(await keysOf(store, 'shop/locks/')).toEqual([])
  })
})

describe('the configuration', () => {
  it('refuses a destination that is none, and a source that the copies would lie in', async () => {
    const folder = await newFolder()
    const opening = openLifeboat({
      products: {
        shop: {
          source: { url: secret.value('postgres://nobody@example.org/shop', 'a test') },
          encryption: { passphrase: secret.value(passphrase, 'a test') },
          destinations: { vault: { store: directory(join(folder, 'vault')) } },
          objects: {
            uploads: { from: directory(folder), destinations: ['vault'] },
            others: { from: memoryStore(), destinations: ['nowhere'] },
          },
        },
      },
    })
    await expect(opening).rejects.toThrow(
      /objects\.uploads\.from: .*copies would be copied.*objects\.others\.destinations/,
    )
  })
})
