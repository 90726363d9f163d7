import assert from 'node:assert/strict'
import { compareKeys } from '../../store/compare-keys.js'
import type { StoredObject } from '../../store/object-store.js'
import { bytesOf } from '../../streams/byte-source.js'
import { codeOf, inParallel, listed, oddKeys, sizes, type Test, text } from './helpers.js'

export function listings(test: Test): void {
  test('lists by plain string prefix', async store => {
    for (const key of ['a/b', 'a/bc/d', 'a/c', 'ab', 'b']) await store.put(key, bytesOf(key))
    const keysOf = async (prefix: string) => (await listed(store, prefix)).map(({ key }) => key).sort()
    assert.deepEqual(await keysOf('a/b'), ['a/b', 'a/bc/d'])
    assert.deepEqual(await keysOf('a/'), ['a/b', 'a/bc/d', 'a/c'])
    assert.deepEqual(await keysOf('a'), ['a/b', 'a/bc/d', 'a/c', 'ab'])
    assert.deepEqual(await keysOf(''), ['a/b', 'a/bc/d', 'a/c', 'ab', 'b'])
    assert.deepEqual(await keysOf('nothing'), [])
    assert.deepEqual(await keysOf('a/bc/d/e'), [])
    assert.deepEqual(await keysOf('../'), [])
  })

  test('lists more keys than a page holds, each once', async store => {
    const keys = Array.from({ length: 1100 }, (_, i) => `many/${String(i).padStart(4, '0')}`)
    await inParallel(16, keys, key => store.put(key, bytesOf('x')))
    assert.deepEqual((await listed(store, 'many/')).map(({ key }) => key).sort(), keys)
  })

  test('lists in the order of the keys’ bytes, where it claims to', async store => {
    if (!store.listsInOrder) return
    const keys = [...oddKeys, 'a/b', 'a-b', 'a.b', 'a0', 'aB', 'a/\uffee', 'a/🛟']
    for (const key of [...keys].reverse()) await store.put(key, bytesOf('x'))
    assert.deepEqual(
      (await listed(store, '')).map(({ key }) => key),
      [...keys].sort(compareKeys),
    )
  })

  test('stops listing when the reader has enough', async store => {
    for (const key of ['a', 'b', 'c']) await store.put(key, bytesOf('x'))
    for await (const _ of store.list('')) break
    assert.equal((await listed(store, '')).length, 3)
  })
}

export function descriptions(test: Test): void {
  test('keeps what lies beside the bytes, where it claims to, and tells it with them', async store => {
    const metadata = {
      contentType: 'text/plain; charset=utf-8',
      cacheControl: 'max-age=3600',
      contentDisposition: 'attachment; filename="a b.txt"',
      contentLanguage: 'de',
      user: { owner: 'team-7', 'x-odd': 'a=b; c' },
    }
    await store.put('described', bytesOf('0123456789'), { metadata })
    assert.equal(await text(store, 'described'), '0123456789')
    if (!store.capabilities.metadata) return
    assert.deepEqual((await store.head('described'))?.metadata, metadata)
    const found: StoredObject[] = []
    await text(store, 'described', { range: { start: 2, end: 4 }, onFound: one => found.push(one) })
    assert.equal(found.length, 1)
    assert.deepEqual([found[0]?.key, found[0]?.sizeBytes, found[0]?.metadata], ['described', 10, metadata])
    await store.put('described', bytesOf('plain'))
    assert.deepEqual((await store.head('described'))?.metadata?.user, undefined)
  })

  test('refuses to read another object than the one that was meant, where it tells etags', async store => {
    await store.put('changing', bytesOf('old'))
    const [before] = await listed(store, 'changing')
    if (before?.etag === undefined) return
    assert.equal((await store.head('changing'))?.etag, before.etag)
    assert.equal(await text(store, 'changing', { ifMatch: before.etag }), 'old')
    await store.put('changing', bytesOf('new'))
    assert.notEqual((await listed(store, 'changing'))[0]?.etag, before.etag)
    assert.equal(await codeOf(store, text(store, 'changing', { ifMatch: before.etag })), 'object-changed')
    await store.remove('changing')
    assert.equal(await codeOf(store, text(store, 'changing', { ifMatch: before.etag })), 'object-missing')
  })
}

export function absences(test: Test): void {
  test('is honest about a missing key', async store => {
    assert.equal(await store.head('missing'), undefined)
    assert.equal(await codeOf(store, text(store, 'missing')), 'object-missing')
    assert.deepEqual(await listed(store, ''), [])
  })

  test('removes, and removes again', async store => {
    await store.put('folder/k', bytesOf('x'))
    await store.put('folder/l', bytesOf('y'))
    await store.remove('folder/k')
    assert.equal(await store.head('folder/k'), undefined)
    assert.equal(await codeOf(store, text(store, 'folder/k')), 'object-missing')
    assert.deepEqual(sizes(await listed(store, '')), { 'folder/l': 1 })
    await store.remove('folder/k')
    await store.remove('never/was')
    await store.put('folder/k', bytesOf('again'))
    assert.equal(await text(store, 'folder/k'), 'again')
  })
}
