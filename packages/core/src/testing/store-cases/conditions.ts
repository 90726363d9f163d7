import assert from 'node:assert/strict'
import { type ByteSource, bytesOf } from '../../streams/byte-source.js'
import { codeOf, counted, listed, oddKeys, type Test, text } from './helpers.js'

const badKeys = [
  '',
  '/absolute',
  'a//b',
  'a/',
  '../up',
  'a/../b',
  './a',
  'a/.',
  'back\\slash',
  'nul\u0000',
  'line\nbreak',
]

export function conditions(test: Test): void {
  test('refuses to put over an existing key with ifAbsent, and changes nothing', async store => {
    await store.put('k', bytesOf('first'), { ifAbsent: true })
    assert.equal(await codeOf(store, store.put('k', bytesOf('second'), { ifAbsent: true })), 'object-exists')
    assert.equal(await text(store, 'k'), 'first')
    assert.equal((await listed(store, '')).length, 1)
    await store.remove('k')
    await store.put('k', bytesOf('third'), { ifAbsent: true })
    assert.equal(await text(store, 'k'), 'third')
  })

  test('refuses a large object over an existing key with ifAbsent', async store => {
    await store.put('k', bytesOf('first'))
    const large = store.put('k', counted(12 * 1024 * 1024, 1024 * 1024), { ifAbsent: true })
    assert.equal(await codeOf(store, large), 'object-exists')
    assert.equal(await text(store, 'k'), 'first')
  })

  test('lets exactly one of eight racers win, where it claims conditionalPut', async store => {
    for (let round = 0; round < 5; round++) {
      const key = `race/${round}`
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, async (_, racer) => {
          try {
            await store.put(key, bytesOf(`racer ${racer}`), { ifAbsent: true })
            return 'won'
          } catch (error) {
            return store.classify(error)
          }
        }),
      )
      const winners = outcomes.flatMap((outcome, racer) => (outcome === 'won' ? [racer] : []))
      for (const outcome of outcomes) assert.ok(outcome === 'won' || outcome === 'object-exists', String(outcome))
      assert.ok(winners.length >= 1, 'somebody wins')
      if (!store.capabilities.conditionalPut) continue
      assert.deepEqual(winners.length, 1)
      assert.equal(await text(store, key), `racer ${winners[0]}`)
    }
  })
}

export function keys(test: Test): void {
  test('takes keys of odd characters', async store => {
    for (const key of oddKeys) await store.put(key, bytesOf(`content of ${key}`))
    assert.deepEqual((await listed(store, '')).map(({ key }) => key).sort(), [...oddKeys].sort())
    for (const key of oddKeys) {
      assert.equal(await text(store, key), `content of ${key}`)
      assert.equal((await store.head(key))?.key, key)
      assert.deepEqual(
        (await listed(store, key)).map(found => found.key),
        [key],
      )
      await store.remove(key)
      assert.equal(await store.head(key), undefined)
    }
  })

  test('refuses keys that could leave their place, before reading the source', async store => {
    for (const key of badKeys) {
      let read = false
      async function* source(): ByteSource {
        read = true
        yield Buffer.from('x')
      }
      assert.equal(await codeOf(store, store.put(key, source())), 'store-refused', JSON.stringify(key))
      assert.equal(read, false)
      assert.equal(await codeOf(store, text(store, key)), 'store-refused')
      assert.equal(await codeOf(store, store.head(key)), 'store-refused')
      assert.equal(await codeOf(store, store.remove(key)), 'store-refused')
    }
    assert.deepEqual(await listed(store, ''), [])
  })
}
