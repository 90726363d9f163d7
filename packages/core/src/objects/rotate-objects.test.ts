import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { faulty } from '../../../testkit/src/faulty-store.js'
import type { Lifeboat } from '../api/lifeboat-api.js'
import { secret } from '../config/secret.js'
import { BackupError } from '../errors/backup-error.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { listingKey, snapshotKey } from './object-layout.js'
import type { Snapshot } from './snapshot.js'
import { contents, fill, keyFolder, openShop, readers } from './testing/shop.js'

const day = 24 * 3_600_000
/** A nightly run says LIFEBOAT_TEST_KILL_STEP=1, and dies at each. */
const step = Number(process.env.LIFEBOAT_TEST_KILL_STEP ?? 31)
const keys = keyFolder('team', 'next', 'writer')
const { fingerprints } = keys

const clock = { now: new Date('2026-11-21T02:00:00Z') }
const givenKey = (name: string) => ({ privateKey: join(keys.path, `${name}-private.asc`) })

function open(
  source: ObjectStore,
  store: ObjectStore,
  encryption: object,
  retention: object = { last: 2, minimum: 1 },
) {
  return openShop({ from: source, store, keys, encryption, set: { retention }, deps: { now: () => clock.now } })
}

async function restored(lifeboat: Lifeboat, snapshot?: string) {
  const target = memoryStore()
  const { failedCount } = await lifeboat.restoreObjects('shop', 'uploads', target, { snapshot })
  expect(failedCount).toBe(0)
  return contents(target)
}

/** Two nights for the team: what changed, what went, what came, one long object, and one that is empty. */
async function twoNights(store: ObjectStore = memoryStore()) {
  const source = memoryStore()
  const long = 'long '.repeat(220_000)
  await fill(source, { 'a.txt': 'first', 'b.txt': 'second', 'c.txt': 'third', empty: '', long })
  const team = await open(source, store, readers('team'))
  const first = await contents(source)
  await team.copyObjects('shop', 'uploads')
  clock.now = new Date(clock.now.getTime() + day)
  await fill(source, { 'b.txt': 'second, changed', 'd.txt': 'fourth' })
  await source.remove('c.txt')
  await team.copyObjects('shop', 'uploads')
  const { snapshots } = await team.listObjectSnapshots('shop')
  const nights = [first, await contents(source)]
  return { source, store, team, nights, ids: snapshots.map(({ id }) => id).reverse() }
}

describe('keys rotate', () => {
  it('says what it would do, then encrypts every snapshot anew to the keys of today, and what they share once', async () => {
    const { source, store, nights, ids } = await twoNights()
    const before = await contents(store)
    const next = await open(source, store, readers('next'))
    const key = givenKey('team')
    const [planned] = await next.rotateObjects('shop', 'uploads', { key })
    expect(planned?.snapshots.map(one => [one.id, one.outcome])).toEqual(ids.map(id => [id, 'due']))
    expect(await contents(store)).toEqual(before)

    const [done] = await next.rotateObjects('shop', 'uploads', { key, apply: true })
    expect(done?.snapshots.map(one => [one.id, one.outcome, one.verified, one.error])).toEqual(
      ids.map(id => [id, 'rotated', 'content', null]),
    )
    // The old ones lie as they were.
    const after = await contents(store)
    expect(Object.fromEntries(Object.keys(before).map(one => [one, after[one]]))).toEqual(before)
    const heads = (await next.listObjectSnapshots('shop')).snapshots
    const anew = done!.snapshots.map(one => heads.find(({ id }) => id === one.rotated)!.snapshot)
    // Of the second night only what the first has not: b.txt, d.txt.
    expect(anew.map(one => one.added.objects)).toEqual([4, 2])
    for (const [at, one] of anew.entries()) {
      expect(one.encryption).toEqual({ kind: 'recipients', fingerprints: [fingerprints.next] })
      expect(one.rotatedFrom?.id).toBe(ids[at])
      expect(one.createdAt).toBe(heads.find(({ id }) => id === ids[at])!.snapshot.createdAt)
      expect(await restored(next, one.id)).toEqual(nights[at])
    }
    const old = await open(source, store, readers('team'))
    await expect(restored(old, anew[1]!.id)).rejects.toMatchObject({ code: 'wrong-key' })

    // Once more: nothing is left to do, and nothing is written.
    const [again] = await next.rotateObjects('shop', 'uploads', { key, apply: true })
    expect(again?.snapshots.map(one => one.outcome)).toEqual(['present', 'current', 'present', 'current'])
    expect(await contents(store)).toEqual(after)
  })

  it('does not begin in a destination that cannot be locked: a copy may be under way there', async () => {
    const [source, store] = [memoryStore(), memoryStore()]
    await fill(source, { 'a.txt': 'one' })
    await (await open(source, store, readers('team'))).copyObjects('shop', 'uploads')
    const before = await contents(store)
    const unlockable: ObjectStore = {
      ...store,
      async put(key, bytes, options) {
        if (key.includes('/locks/')) throw new BackupError('store-auth-failed', 'no right to write locks')
        return store.put(key, bytes, options)
      },
    }
    const next = await open(source, unlockable, readers('next'))
    const rotating = next.rotateObjects('shop', 'uploads', { key: givenKey('team'), apply: true, removeOld: true })
    await rotating.then(
      done => expect(JSON.stringify(done)).toContain('no right to write locks'),
      error => expect(error).toMatchObject({ code: 'store-auth-failed' }),
    )
    expect(await contents(store)).toEqual(before)
  })

  it('leaves the next copy knowing what is unchanged, and lets a prune take the old ones away', async () => {
    const { source, store, nights } = await twoNights()
    const next = await open(source, store, readers('next'))
    await next.rotateObjects('shop', 'uploads', { key: givenKey('team'), apply: true })
    await fill(source, { 'e.txt': 'fifth' })
    clock.now = new Date(clock.now.getTime() + day)
    const [copy] = (await next.copyObjects('shop', 'uploads')).destinations
    expect(copy).toMatchObject({ added: 1, changed: 0, unchanged: 5, fetchedBytes: 5 })
    expect(copy?.snapshot).not.toHaveProperty('olderContent')

    clock.now = new Date(clock.now.getTime() + 2 * day)
    const three = await open(source, store, readers('next'), { last: 3, minimum: 1 })
    const [pruned] = await three.pruneObjects('shop', 'uploads', { apply: true })
    expect(pruned?.plan.remove.map(one => one.reasons[0])).toEqual([
      expect.stringMatching(/^encrypted anew as/),
      expect.stringMatching(/^encrypted anew as/),
    ])
    const left = (await three.listObjectSnapshots('shop')).snapshots
    expect(left.map(({ snapshot }) => snapshot.encryption)).toEqual(
      Array(3).fill({ kind: 'recipients', fingerprints: [fingerprints.next] }),
    )
    expect(await restored(three, left[2]!.id)).toEqual(nights[0])
    expect(await restored(three)).toEqual({ ...nights[1], 'e.txt': 'fifth' })
  })

  it('reaches what an incremental copy after a change of keys left to the old ones, and nothing else', async () => {
    const { source, store, ids } = await twoNights()
    const next = await open(source, store, readers('next'))
    clock.now = new Date(clock.now.getTime() + day)
    await fill(source, { 'e.txt': 'fifth' })
    const [copy] = (await next.copyObjects('shop', 'uploads')).destinations
    const mixed = copy!.snapshot!
    const to = { kind: 'recipients', fingerprints: [fingerprints.team] }
    expect(mixed.olderContent).toEqual([{ encryption: to, runs: expect.arrayContaining(ids) }])
    await expect(restored(next)).rejects.toMatchObject({ code: 'wrong-key' })

    const options = { key: givenKey('team'), apply: true, removeOld: true } as const
    const [done] = await next.rotateObjects('shop', 'uploads', options)
    expect(done?.snapshots.map(one => [one.outcome, one.removedOld])).toEqual(Array(3).fill(['rotated', true]))
    const left = (await next.listObjectSnapshots('shop')).snapshots
    expect(left.map(({ id }) => id).sort()).toEqual(done!.snapshots.map(one => one.rotated).sort())
    // What the last run stored for the new keys stays where it is.
    expect(left[0]?.snapshot.added.objects).toBe(0)
    expect(await restored(next)).toEqual(await contents(source))
  })

  it('records of each new snapshot what was read back, so that it counts as verified, and nothing more', async () => {
    const { source, store } = await twoNights()
    const next = await open(source, store, readers('next'))
    const key = givenKey('team')
    await next.rotateObjects('shop', 'uploads', { key })
    expect(await next.objectHistory('shop')).toEqual([])
    const [done] = await next.rotateObjects('shop', 'uploads', { key, apply: true })
    const [first, second] = done!.snapshots.map(one => one.rotated!)
    const history = await next.objectHistory('shop')
    // Both nights: five objects; of the second two were stored anew, and two were read a moment before.
    expect(history.map(one => [one.id, one.level, one.sample, one.ok, one.objects, one.read]).sort()).toEqual([
      [first, 'content', 1, true, 5, 5],
      [second, 'content', 1, true, 5, 5],
    ])
    for (const { at } of history) expect(at).toBe(clock.now.toISOString())
    const status = await next.status()
    expect(status.products[0]?.objects[0]?.destinations[0]?.newest).toMatchObject({ id: second, verified: true })
  })

  it('records a share where it left in place what was for the keys of today already, and read none of that', async () => {
    const { source, store } = await twoNights()
    const next = await open(source, store, readers('next'))
    clock.now = new Date(clock.now.getTime() + day)
    await fill(source, { 'e.txt': 'fifth' })
    await next.copyObjects('shop', 'uploads')
    const [done] = await next.rotateObjects('shop', 'uploads', { key: givenKey('team'), apply: true })
    const mixed = done!.snapshots.at(-1)!.rotated
    const record = (await next.objectHistory('shop')).find(({ id }) => id === mixed)
    // All but e.txt.
    expect(record).toMatchObject({ level: 'content', sample: 5 / 6, objects: 6, read: 5, ok: true })
  })

  it('records stored bytes where no key at hand opens them, and does not call that content', async () => {
    const { source, store } = await twoNights()
    const blind = { recipients: ['next.asc'], signingKey: 'writer-private.asc' }
    const next = await open(source, store, blind)
    const [done] = await next.rotateObjects('shop', 'uploads', { key: givenKey('team'), apply: true })
    expect(done?.snapshots.map(one => one.verified)).toEqual(['stored', 'stored'])
    const history = await next.objectHistory('shop')
    expect(history.map(one => [one.level, one.sample, one.ok])).toEqual(Array(2).fill(['stored', 1, true]))
    expect((await next.status()).products[0]?.objects[0]?.destinations[0]?.newest?.verified).toBeNull()
  })

  it('removes no old snapshot whose place is taken by content that nobody has read, until somebody did', async () => {
    const { source, store, ids } = await twoNights()
    const next = await open(source, store, readers('next'))
    const key = givenKey('team')
    const [before] = await next.rotateObjects('shop', 'uploads', { key, apply: true })
    const [first, second] = before!.snapshots.map(one => one.rotated!)
    // As a run leaves it that was killed before it read the first one back.
    for (const prefix of ['shop/objects/uploads/verifications/', snapshotKey('shop', 'uploads', second!)])
      for await (const one of store.list(prefix)) await store.remove(one.key)
    const options = { key, apply: true, removeOld: true } as const
    const [unread] = await next.rotateObjects('shop', 'uploads', options)
    expect(unread?.snapshots.map(one => [one.id, one.outcome, one.removedOld])).toEqual([
      [ids[0], 'present', false],
      [first, 'current', false],
      [ids[1], 'rotated', false],
    ])
    for (const at of [0, 2]) expect(unread?.snapshots[at]?.kept).toContain(`nobody has read all of ${first}`)

    await next.verifyObjects('shop', 'uploads', { snapshot: first })
    const [read] = await next.rotateObjects('shop', 'uploads', options)
    // Of the second one only what the first has not was read back.
    expect(read?.snapshots.map(one => [one.outcome, one.removedOld])).toEqual([
      ['present', true],
      ['current', false],
      ['present', false],
      ['current', false],
    ])
    await next.verifyObjects('shop', 'uploads')
    const [last] = await next.rotateObjects('shop', 'uploads', options)
    expect(last?.snapshots.map(one => [one.outcome, one.removedOld])).toContainEqual(['present', true])
    expect((await next.listObjectSnapshots('shop')).snapshots).toHaveLength(2)
  })

  it('takes nothing over from a listing that is not the one its head names', async () => {
    const { source, store, ids } = await twoNights()
    const next = await open(source, store, readers('next'))
    const key = givenKey('team')
    const [before] = await next.rotateObjects('shop', 'uploads', { key, apply: true })
    const [first, second] = before!.snapshots.map(one => one.rotated!)
    clock.now = new Date(clock.now.getTime() + day)
    await source.put('c.txt', bytesOf('third'))
    await source.remove('d.txt')
    const [planted] = (await next.copyObjects('shop', 'uploads', { full: true })).destinations
    // Whoever may write can encrypt a list of places to the readers, too.
    await store.remove(snapshotKey('shop', 'uploads', second!))
    const list = await readWhole(store.get(listingKey('shop', 'uploads', planted!.snapshot!.id)), 2 ** 20)
    await store.put(listingKey('shop', 'uploads', first!), bytesOf(list))
    const [done] = await next.rotateObjects('shop', 'uploads', { key, apply: true })
    expect(done?.snapshots.find(({ id }) => id === ids[1])).toMatchObject({
      ...{ outcome: 'failed', error: { code: 'object-damaged', message: expect.stringMatching(/other bytes$/) } },
    })
  })

  it('is what the list of keys asks for, and a proof of a key is asked of snapshots, too', async () => {
    const { source, store } = await twoNights()
    const next = await open(source, store, readers('next'))
    clock.now = new Date(clock.now.getTime() + day)
    const [copy] = (await next.copyObjects('shop', 'uploads')).destinations
    const says = async (boat = next) => {
      const { keys, findings } = await boat.listKeys('shop')
      const opens = keys.map(one => [one.userIds[0] ?? 'another', one.opens.map(({ set, id }) => `${set}/${id}`)])
      return { opens, codes: findings.map(one => one.code), messages: findings.map(one => one.message) }
    }
    const mixed = `uploads/${copy!.snapshot!.id}`
    const before = await says()
    // The old key opens what is left of earlier runs, the new one the rest: neither opens all.
    expect(before.opens).toEqual(
      expect.arrayContaining([
        ['next', [mixed]],
        ['another', [mixed]],
      ]),
    )
    expect(before.codes).toEqual(expect.arrayContaining(['key-not-configured', 'key-opens-nothing-yet']))
    expect(before.messages.join()).toContain('vault (objects uploads)')
    for (const name of ['team', 'next'])
      await expect(next.proveKeyOfObjects('shop', 'uploads', { key: givenKey(name) })).rejects.toMatchObject({
        code: 'wrong-key',
        hint: expect.stringContaining('keys rotate'),
      })

    await next.rotateObjects('shop', 'uploads', { key: givenKey('team'), apply: true })
    expect((await says()).codes).toEqual(['key-unproved'])
    for (const whole of [false, true]) {
      const { record, recordedAs } = await next.proveKeyOfObjects('shop', 'uploads', { key: givenKey('next'), whole })
      expect(record).toMatchObject({
        set: 'uploads',
        fingerprint: fingerprints.next,
        extent: whole ? 'whole' : 'front',
      })
      expect(recordedAs).toMatch(/^shop\/key-proofs\//)
    }
    expect((await says()).codes).toEqual([])
    const wrong = next.proveKeyOfObjects('shop', 'uploads', { key: givenKey('team') })
    await expect(wrong).rejects.toMatchObject({ code: 'wrong-key' })
  })

  it('changes a passphrase', async () => {
    const [source, store] = [memoryStore(), memoryStore()]
    await fill(source, { 'a.txt': 'first' })
    const phrase = (text: string) => ({ passphrase: secret.value(text, 'a test') })
    await (await open(source, store, phrase('the old one'))).copyObjects('shop', 'uploads')
    const next = await open(source, store, phrase('the new one'))
    const rotating = { apply: true, key: phrase('the old one') }
    const [done] = await next.rotateObjects('shop', 'uploads', rotating)
    expect(done?.snapshots.map(one => [one.outcome, one.verified])).toEqual([['rotated', 'content']])
    clock.now = new Date(clock.now.getTime() + day)
    expect((await next.copyObjects('shop', 'uploads')).destinations[0]).toMatchObject({ unchanged: 1, added: 0 })
    expect(await restored(next)).toEqual({ 'a.txt': 'first' })
  })

  it('vouches for no snapshot that somebody else wrote, and goes on with the others', async () => {
    const { source, store, ids } = await twoNights()
    const key = snapshotKey('shop', 'uploads', ids[0]!)
    const head = JSON.parse((await readWhole(store.get(key), 2 ** 20)).toString()) as Snapshot
    await store.put(key, bytesOf(JSON.stringify({ ...head, source: 'elsewhere' })))
    const next = await open(source, store, readers('next'))
    const [done] = await next.rotateObjects('shop', 'uploads', { key: givenKey('team'), apply: true })
    expect(done?.snapshots.map(one => one.error?.code ?? one.outcome)).toEqual(['seal-wrong', 'rotated'])
  })

  it('needs the key that opens the old ones, and leaves nothing without it', async () => {
    const { source, store } = await twoNights()
    const before = await contents(store)
    const next = await open(source, store, readers('next'))
    const [done] = await next.rotateObjects('shop', 'uploads', { apply: true })
    expect(done?.snapshots.map(one => one.error?.code)).toEqual(['wrong-key', 'wrong-key'])
    expect(await contents(store)).toEqual(before)
  })

  it('killed at any point leaves the old ones whole, nothing that verifies wrong, and goes on where it was', async () => {
    const { source, store, nights, ids } = await twoNights()
    const snapshot = await contents(store)
    const key = givenKey('team')
    let rotatedBefore = 0
    for (let lastStep = 7; ; lastStep += step) {
      const inner = memoryStore()
      for (const [name, bytes] of Object.entries(snapshot)) await inner.put(name, bytesOf(Buffer.from(bytes, 'latin1')))
      let died = false
      const dying = faulty(inner, ({ overall }) => {
        died ||= overall > lastStep
        if (died) throw Object.assign(new Error('the process is gone'), { code: 'EIO' })
      })
      const killed = await open(source, dying, readers('next'))
      const [done] = await killed.rotateObjects('shop', 'uploads', { key, apply: true }).catch(() => [undefined])
      for (const id of ids) expect(await restored(await open(source, inner, readers('team')), id)).toBeDefined()
      const next = await open(source, inner, readers('next'))
      for (const { id, snapshot } of (await next.listObjectSnapshots('shop')).snapshots) {
        if (ids.includes(id)) continue
        rotatedBefore += 1
        expect(await next.verifyObjects('shop', 'uploads', { snapshot: id })).toMatchObject({ ok: true })
        expect(await restored(next, id)).toEqual(nights[ids.indexOf(snapshot.rotatedFrom!.id)])
      }
      if (!died && done) break
      clock.now = new Date(clock.now.getTime() + 3_600_000)
      const [rest] = await next.rotateObjects('shop', 'uploads', { key, apply: true })
      expect(rest?.snapshots.filter(one => one.outcome === 'failed')).toEqual([])
      expect(await restored(next)).toEqual(nights[1])
    }
    expect(rotatedBefore).toBeGreaterThan(2)
  })
})
