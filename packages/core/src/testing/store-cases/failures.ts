import assert from 'node:assert/strict'
import { type ByteSource, bytesOf } from '../../streams/byte-source.js'
import { counted, listed, type Test, text } from './helpers.js'

export function failures(test: Test): void {
  for (const length of [0, 1, 100_000, 20 * 1024 * 1024]) {
    test(`leaves nothing when the source fails after ${length} bytes`, async store => {
      const failure = new Error('the dump failed')
      async function* failing(): ByteSource {
        if (length > 0) yield* counted(length, 1024 * 1024)
        throw failure
      }
      await assert.rejects(store.put('k', failing()), (error: unknown) => error === failure)
      assert.equal(await store.head('k'), undefined)
      assert.deepEqual(await listed(store, ''), [])
    })
  }

  test('keeps the old object when an overwrite fails', async store => {
    await store.put('k', bytesOf('old'))
    async function* failing(): ByteSource {
      yield Buffer.from('new')
      throw new Error('the dump failed')
    }
    await assert.rejects(store.put('k', failing()))
    assert.equal(await text(store, 'k'), 'old')
  })

  test('closes a source that it does not read to the end', async store => {
    let closed = false
    const controller = new AbortController()
    async function* source(): ByteSource {
      try {
        while (true) {
          yield Buffer.alloc(1000)
          controller.abort(new Error('enough'))
        }
      } finally {
        closed = true
      }
    }
    await assert.rejects(store.put('k', source(), { signal: controller.signal }))
    await new Promise(resolve => setTimeout(resolve, 50))
    assert.equal(closed, true)
  })
}

export function cancellations(test: Test): void {
  const reason = new Error('the operator changed their mind')

  for (const length of [1000, 20 * 1024 * 1024]) {
    test(`leaves nothing when aborted after ${length} bytes, while the source is silent`, async store => {
      const controller = new AbortController()
      async function* silent(): ByteSource {
        yield* counted(length, 1024 * 1024)
        setTimeout(() => controller.abort(reason), 20)
        await new Promise(() => {})
      }
      const putting = store.put('k', silent(), { signal: controller.signal })
      await assert.rejects(putting, (error: unknown) => error === reason)
      assert.equal(await store.head('k'), undefined)
      assert.deepEqual(await listed(store, ''), [])
    })
  }

  test('leaves nothing when aborted while the source keeps giving', async store => {
    const controller = new AbortController()
    async function* endless(): ByteSource {
      for (let sent = 0; ; sent += 65536) {
        if (sent >= 10 * 1024 * 1024) controller.abort(reason)
        yield Buffer.alloc(65536)
      }
    }
    await assert.rejects(store.put('k', endless(), { signal: controller.signal }), (error: unknown) => error === reason)
    assert.equal(await store.head('k'), undefined)
  })

  test('does nothing at all when the signal is aborted beforehand, and says why', async store => {
    await store.put('k', bytesOf('old'))
    const signal = AbortSignal.abort(reason)
    const isReason = (error: unknown) => error === reason
    await assert.rejects(store.put('k', bytesOf('new'), { signal }), isReason)
    await assert.rejects(store.remove('k', { signal }), isReason)
    await assert.rejects(store.head('k', { signal }), isReason)
    await assert.rejects(text(store, 'k', { signal }), isReason)
    await assert.rejects(listed(store, '', signal), isReason)
    assert.equal(await text(store, 'k'), 'old')
  })

  test('stops reading when aborted, with the reason', async store => {
    await store.put('big', counted(3 * 1024 * 1024, 1024 * 1024))
    const controller = new AbortController()
    const reading = async () => {
      for await (const _ of store.get('big', { signal: controller.signal })) controller.abort(reason)
    }
    await assert.rejects(reading(), (error: unknown) => error === reason)
  })
}
