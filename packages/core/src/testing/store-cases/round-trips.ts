import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type ByteSource, bytesOf } from '../../streams/byte-source.js'
import { bytes, counted, listed, sizes, type Test, text } from './helpers.js'

export function roundTrips(test: Test): void {
  test('gives back what was put, at once, and says how long it is', async store => {
    const before = Date.now()
    const stored = await store.put('a/b.txt', bytesOf('hello ', 'world'))
    assert.equal(stored.key, 'a/b.txt')
    assert.equal(stored.sizeBytes, 11)
    assert.equal(await text(store, 'a/b.txt'), 'hello world')
    const head = await store.head('a/b.txt')
    assert.equal(head?.key, 'a/b.txt')
    assert.equal(head?.sizeBytes, 11)
    // Services round to seconds, and their clock is not ours.
    assert.ok(Math.abs((head?.modifiedAt.getTime() ?? 0) - before) < 5 * 60_000, 'modifiedAt is now')
    assert.deepEqual(sizes(await listed(store, '')), { 'a/b.txt': 11 })
  })

  test('stores an empty object', async store => {
    await store.put('empty', bytesOf())
    assert.equal(await text(store, 'empty'), '')
    assert.equal((await store.head('empty'))?.sizeBytes, 0)
    await store.put('empty-chunks', bytesOf('', ''))
    assert.equal((await store.head('empty-chunks'))?.sizeBytes, 0)
  })

  for (const expectedBytes of [undefined, 12 * 1024 * 1024, 10]) {
    test(`stores 12 MiB in odd chunks, expecting ${expectedBytes ?? 'nothing'}`, async store => {
      const sent = createHash('sha256')
      const total = 12 * 1024 * 1024 + 7
      const source = counted(total, 70_001, chunk => sent.update(chunk))
      assert.equal((await store.put('big', source, { expectedBytes })).sizeBytes, total)
      const received = createHash('sha256')
      let length = 0
      for await (const chunk of store.get('big')) {
        received.update(chunk)
        length += chunk.byteLength
      }
      assert.equal(length, total)
      assert.equal(received.digest('hex'), sent.digest('hex'))
    })
  }

  test('copies what it is given: a source may use its buffer again', async store => {
    async function* reusing(): ByteSource {
      const buffer = Buffer.alloc(1000)
      for (let i = 0; i < 50; i++) yield buffer.fill(97 + (i % 26))
    }
    await store.put('reused', reusing())
    const whole = await bytes(store, 'reused')
    assert.equal(whole.length, 50_000)
    for (let i = 0; i < 50; i++) assert.equal(whole[i * 1000 + 500], 97 + (i % 26))
  })

  test('overwrites in one step: until put resolves the key shows its old state', async store => {
    await store.put('k', bytesOf('old'))
    async function* watching(): ByteSource {
      yield Buffer.alloc(100_000, 'n')
      assert.equal(await text(store, 'k'), 'old')
      assert.equal((await store.head('k'))?.sizeBytes, 3)
      assert.deepEqual(sizes(await listed(store, '')), { k: 3 })
      yield Buffer.from('end')
    }
    await store.put('k', watching())
    assert.equal((await store.head('k'))?.sizeBytes, 100_003)
  })

  test('shows nothing of a new object until put resolves', async store => {
    async function* watching(): ByteSource {
      yield Buffer.alloc(9 * 1024 * 1024, 'n')
      assert.equal(await store.head('new'), undefined)
      assert.deepEqual(await listed(store, ''), [])
      yield Buffer.from('end')
    }
    await store.put('new', watching())
    assert.equal((await store.head('new'))?.sizeBytes, 9 * 1024 * 1024 + 3)
  })
}

export function ranges(test: Test): void {
  test('reads ranges: the last byte is included, an open end means to the end, a far end is clipped', async store => {
    await store.put('digits', bytesOf('0123456789'))
    const read = (start: number, end?: number) => text(store, 'digits', { range: { start, end } })
    assert.equal(await read(0, 0), '0')
    assert.equal(await read(2, 4), '234')
    assert.equal(await read(7), '789')
    assert.equal(await read(0), '0123456789')
    assert.equal(await read(8, 400), '89')
  })

  test('throws when a range starts past the end, instead of giving nothing', async store => {
    await store.put('digits', bytesOf('0123456789'))
    await assert.rejects(text(store, 'digits', { range: { start: 10 } }))
    await assert.rejects(text(store, 'digits', { range: { start: 11, end: 12 } }))
  })
}
