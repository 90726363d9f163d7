import assert from 'node:assert/strict'
import { bytesOf } from '../../streams/byte-source.js'
import { codeOf, listed, type Test, text } from './helpers.js'

export function rules(test: Test): void {
  test('refuses a storage class and a lock that it cannot give, and stores nothing', async store => {
    const { storageClasses, objectLock } = store.capabilities
    const lock = { mode: 'governance', until: new Date(Date.now() + 3_600_000), legalHold: false } as const
    if (!storageClasses)
      assert.equal(await codeOf(store, store.put('k', bytesOf('x'), { storageClass: 'COLD' })), 'store-refused')
    if (!objectLock) assert.equal(await codeOf(store, store.put('k', bytesOf('x'), { lock })), 'store-refused')
    assert.deepEqual(await listed(store, ''), [])
  })

  test('removes for good what it keeps versions of, and again, where it has that', async store => {
    if (store.removeForGood === undefined) return
    await store.put('folder/k', bytesOf('one'))
    await store.put('folder/k', bytesOf('two'))
    await store.put('folder/k/more', bytesOf('other'))
    assert.deepEqual(await store.removeForGood('folder/k'), { state: 'gone', message: null })
    assert.equal(await store.head('folder/k'), undefined)
    assert.equal(await text(store, 'folder/k/more'), 'other')
    assert.deepEqual(await store.removeForGood('folder/k'), { state: 'gone', message: null })
  })
}
