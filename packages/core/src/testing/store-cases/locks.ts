import assert from 'node:assert/strict'
import { bytesOf } from '../../streams/byte-source.js'
import { codeOf, type Test, text } from './helpers.js'

const hour = 3_600_000

export function lockExtensions(test: Test): void {
  test('extends a lock, never shortens one, and keeps what is locked, where it has that', async store => {
    assert.ok(store.extendLock === undefined || store.capabilities.objectLock, 'it locks what it extends locks of')
    if (store.extendLock === undefined) return
    // Whole seconds: that is how services keep them.
    const at = (hours: number) => new Date(Math.floor(Date.now() / 1000) * 1000 + hours * hour)
    const lock = (until: Date | undefined, legalHold = false) => ({ mode: 'governance', until, legalHold }) as const
    const [soon, later, latest] = [at(1), at(2), at(3)]
    await store.put('locked', bytesOf('x'), { lock: lock(soon) })
    assert.deepEqual((await store.head('locked'))?.lockedUntil, soon)
    await store.extendLock('locked', lock(later))
    assert.deepEqual((await store.head('locked'))?.lockedUntil, later)
    assert.match((await store.head('locked'))?.retained ?? '', /^locked until /)
    await store.extendLock('locked', lock(soon))
    assert.deepEqual((await store.head('locked'))?.lockedUntil, later)

    await store.put('free', bytesOf('y'))
    assert.equal((await store.head('free'))?.lockedUntil, undefined)
    await store.extendLock('free', lock(latest))
    assert.deepEqual((await store.head('free'))?.lockedUntil, latest)
    await store.extendLock('free', lock(undefined, true))
    assert.match((await store.head('free'))?.retained ?? '', /legal hold/)

    assert.equal(await codeOf(store, store.extendLock('missing', lock(later))), 'object-missing')
    assert.equal(await codeOf(store, store.extendLock('../up', lock(later))), 'store-refused')
    assert.equal((await store.removeForGood?.('locked'))?.state, 'kept')
    assert.equal(await text(store, 'locked'), 'x')
  })
}
