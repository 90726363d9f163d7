import { describe, expect, it } from 'vitest'
import { faulty } from '../../../testkit/src/faulty-store.js'
import type { BackupEvent } from '../events/backup-event.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { smallObjectBytes } from './fetch-object.js'
import { keyFolder, openShop } from './testing/shop.js'

const hour = 3_600_000
const day = 24 * hour
const every = { objects: 10, bytes: 3 * smallObjectBytes }
const total = 120
/** A nightly run says LIFEBOAT_TEST_KILL_STEP=1, and dies at each. */
const step = Number(process.env.LIFEBOAT_TEST_KILL_STEP ?? 61)
const keys = keyFolder('team', 'writer')
const clock = { now: new Date('2026-11-21T02:00:00Z') }

function open(source: ObjectStore, store: ObjectStore, retention: object = { last: 2, minimum: 1 }) {
  return openShop({
    from: source,
    store,
    keys,
    set: { retention },
    deps: { now: () => clock.now, checkpointEvery: every },
  })
}

/** Small objects, some long ones that lie alone, and some that are empty. */
async function bucket(): Promise<ObjectStore & { readonly gets: Set<string> }> {
  const store = memoryStore()
  for (let n = 0; n < total; n++) {
    const long = n % 40 === 17
    const text = long ? `long ${n} `.repeat(smallObjectBytes / 6) : n % 30 === 5 ? '' : `object ${n}`
    await store.put(nameOf(n), bytesOf(text))
  }
  const gets = new Set<string>()
  return {
    ...store,
    gets,
    get(key, options) {
      // Each at most once in a run.
      expect(gets.has(key)).toBe(false)
      gets.add(key)
      return store.get(key, options)
    },
  }
}
const nameOf = (n: number) => `photos/${String(n).padStart(4, '0')}`

/** The store of a process that is gone after so many steps: nothing that it asks for then is done. */
function mortal(store: ObjectStore, lastStep: number) {
  const state = { died: false }
  const dying = faulty(store, ({ overall }) => {
    state.died ||= overall > lastStep
    if (state.died) throw Object.assign(new Error('the process is gone'), { code: 'EIO' })
  })
  return { dying, state }
}

async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key.slice(prefix.length))
  return keys.sort()
}
const in_ = (store: ObjectStore, part: string) => keysOf(store, `shop/objects/uploads/${part}/`)

async function contents(store: ObjectStore): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const { key } of store.list('')) found[key] = (await readWhole(store.get(key), 2 ** 26)).toString()
  return found
}

async function assertWhole(source: ObjectStore, store: ObjectStore) {
  const lifeboat = await open(memoryStore(), store)
  expect(await lifeboat.verifyObjects('shop', 'uploads')).toMatchObject({ ok: true, findings: [], objects: total })
  const target = memoryStore()
  await lifeboat.restoreObjects('shop', 'uploads', target)
  expect(await contents(target)).toEqual(await contents(source))
}

describe('a first copy that is killed', () => {
  it('at any step leaves no snapshot that is none, and the next run fetches only what was not stored', async () => {
    const source = await bucket()
    const plain = { ...source, get: memoryGet(source) }
    let resumedMost = 0
    for (let lastStep = 16; ; lastStep += step) {
      const store = memoryStore()
      const { dying, state } = mortal(store, lastStep)
      source.gets.clear()
      const killed = await open(source, dying)
      const result = await killed.copyObjects('shop', 'uploads').catch(() => undefined)
      const packs = (await in_(store, 'content')).length
      const fresh = await open(plain, store)
      for (const { id } of (await fresh.listObjectSnapshots('shop')).snapshots)
        expect(await fresh.verifyObjects('shop', 'uploads', { snapshot: id })).toMatchObject({ ok: true })
      if (result !== undefined && !state.died) break
      // Its lock lies there until its lease is over.
      clock.now = new Date(clock.now.getTime() + hour)
      source.gets.clear()
      const [copy] = (await (await open(source, store)).copyObjects('shop', 'uploads')).destinations
      expect(copy!.added + copy!.resumed + copy!.unchanged).toBe(total)
      expect(source.gets.size).toBe(copy!.added)
      // What was on its way when it ended: some packs, and what was read for the next ones.
      if (copy!.unchanged === 0) expect(source.gets.size).toBeLessThanOrEqual(total - every.objects * (packs - 8))
      resumedMost = Math.max(resumedMost, copy!.resumed)
      await assertWhole(plain, store)
      expect(await in_(store, 'checkpoints')).toEqual([])
    }
    expect(resumedMost).toBeGreaterThan(total * 0.7)
  })

  it('again and again comes to its end all the same, and an object that changed meanwhile is fetched anew', async () => {
    const source = await bucket()
    const plain = { ...source, get: memoryGet(source) }
    const store = memoryStore()
    let runs = 0
    let fetched = 0
    for (let lastStep = 100; ; lastStep = 170) {
      source.gets.clear()
      const { dying, state } = mortal(store, lastStep)
      const done = await (await open(source, dying)).copyObjects('shop', 'uploads').catch(() => undefined)
      fetched += source.gets.size
      runs += 1
      if (runs === 2) await plain.put(nameOf(1), bytesOf('changed'))
      clock.now = new Date(clock.now.getTime() + hour)
      if (done !== undefined && !state.died) break
      expect(runs).toBeLessThan(20)
    }
    expect(runs).toBeGreaterThan(2)
    expect(fetched).toBeLessThan(2.5 * total)
    await assertWhole(plain, store)
  })

  it('by whoever cancels it keeps what it wrote down, and what it did not goes at once', async () => {
    const source = await bucket()
    const store = memoryStore()
    const cancel = new AbortController()
    const seen = faulty(store, ({ step, key }) => {
      if (step === 'put' && key.includes('/checkpoints/') && key.endsWith('3.json')) cancel.abort(new Error('enough'))
    })
    const stopping = (await open(source, seen)).copyObjects('shop', 'uploads', { signal: cancel.signal })
    await expect(stopping).rejects.toMatchObject({ code: 'cancelled' })
    const left = (await in_(store, 'content')).length
    expect(left).toBeGreaterThan(1)
    expect(left).toBeLessThan(12)
    source.gets.clear()
    const [copy] = (await (await open(source, store)).copyObjects('shop', 'uploads')).destinations
    expect(copy!.resumed).toBeGreaterThan(every.objects)
    expect(copy!.snapshot!.added.objects).toBe(total - copy!.resumed)
  })
})

function memoryGet(source: ObjectStore & { readonly gets: Set<string> }): ObjectStore['get'] {
  return (key, options) => {
    source.gets.delete(key)
    return source.get(key, options)
  }
}

describe('what a killed run left', () => {
  async function killedRun() {
    const source = await bucket()
    const store = memoryStore({ now: () => clock.now })
    const { dying } = mortal(store, 110)
    await expect((await open(source, dying)).copyObjects('shop', 'uploads')).rejects.toThrow()
    source.gets.clear()
    clock.now = new Date(clock.now.getTime() + hour)
    expect((await in_(store, 'checkpoints')).length).toBeGreaterThan(3)
    return { source, store, plain: { ...source, get: memoryGet(source) } }
  }
  const copyAgain = async (source: ObjectStore, store: ObjectStore, full = false) => {
    const warnings: string[] = []
    const onEvent = (event: BackupEvent) => void (event.type === 'warning.raised' && warnings.push(event.message))
    const [copy] = (await (await open(source, store)).copyObjects('shop', 'uploads', { onEvent, full })).destinations
    return { copy: copy!, warnings }
  }

  it('is taken over only when a holder of the key wrote it, and never from where it was changed', async () => {
    const { source, store, plain } = await killedRun()
    const heads = (await in_(store, 'checkpoints')).filter(key => key.endsWith('.json'))
    const key = `shop/objects/uploads/checkpoints/${heads[1]}`
    const head = JSON.parse((await readWhole(store.get(key), 2 ** 20)).toString())
    await store.put(key, bytesOf(JSON.stringify({ ...head, createdAt: '2026-11-22T02:00:00.000Z' })))
    const { copy, warnings } = await copyAgain(source, store)
    expect(warnings.join()).toContain('not written by a holder of the key')
    // The first of them is sound.
    expect(copy.resumed).toBeGreaterThan(0)
    expect(copy.resumed).toBeLessThan(3 * every.objects)
    await assertWhole(plain, store)
  })

  it('is passed over where its list is damaged, and what somebody took away of its content is fetched again', async () => {
    const { source, store, plain } = await killedRun()
    const lists = (await in_(store, 'checkpoints')).filter(key => key.endsWith('.gpg'))
    const key = `shop/objects/uploads/checkpoints/${lists.at(-1)}`
    const bytes = await readWhole(store.get(key), 2 ** 20)
    bytes[bytes.byteLength - 40]! ^= 1
    await store.put(key, bytesOf(bytes))
    const [first] = await in_(store, 'content')
    await store.remove(`shop/objects/uploads/content/${first}`)
    const { copy, warnings } = await copyAgain(source, store)
    expect(warnings.join()).toContain(`passed over from ${key} on`)
    expect(copy.resumed).toBeGreaterThan(0)
    await assertWhole(plain, store)
  })

  it('is not looked at by a full copy, nor once there is a snapshot that is newer', async () => {
    const { source, store, plain } = await killedRun()
    const kept = new Map<string, Buffer>()
    for (const key of await in_(store, 'checkpoints')) {
      const name = `shop/objects/uploads/checkpoints/${key}`
      kept.set(name, await readWhole(store.get(name), 2 ** 26))
    }
    expect((await copyAgain(source, store, true)).copy).toMatchObject({ added: total, resumed: 0 })
    // As where the key may not delete.
    for (const [name, bytes] of kept) await store.put(name, bytesOf(bytes))
    source.gets.clear()
    clock.now = new Date(clock.now.getTime() + day)
    expect((await copyAgain(source, store)).copy).toMatchObject({ unchanged: total, resumed: 0, fetchedBytes: 0 })
    await assertWhole(plain, store)
  })

  it('waits a week for the next run, and then a prune removes it with its content; nothing in clear names an object', async () => {
    const { store, plain } = await killedRun()
    for (const key of await keysOf(store, 'shop/objects/uploads/'))
      expect((await readWhole(store.get(`shop/objects/uploads/${key}`), 2 ** 26)).includes('photos/')).toBe(false)
    const lifeboat = await open(plain, store, { last: 1, minimum: 1 })
    const before = await keysOf(store, 'shop/objects/')
    clock.now = new Date(clock.now.getTime() + 3 * day)
    expect((await lifeboat.pruneObjects('shop', 'uploads', { apply: true }))[0]!.freed.count).toBe(0)
    expect(await keysOf(store, 'shop/objects/')).toEqual(before)
    clock.now = new Date(clock.now.getTime() + 5 * day)
    expect((await lifeboat.pruneObjects('shop', 'uploads', { apply: true }))[0]!.freed.count).toBeGreaterThan(5)
    expect(await keysOf(store, 'shop/objects/uploads/')).toEqual([])
  })
})
