import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { ErrorCode } from '../errors/error-code.js'
import { compareKeys } from '../store/compare-keys.js'
import type { GetOptions, ObjectStore, StoredObject } from '../store/object-store.js'
import { type ByteSource, bytesOf } from '../streams/byte-source.js'

/** The two functions the suite needs of a test runner; those of vitest, `node:test`, jest and mocha all fit. */
export interface SuiteRunner {
  describe(name: string, body: () => void): unknown
  /** The third argument is a time limit where the runner takes one there (vitest, jest); others pass over it. */
  it(name: string, body: () => Promise<void>, timeoutMs: number): unknown
}

/** Services on slow shared machines take their time over 1,100 objects. */
const timeoutMs = 300_000

/** The store under test. */
export interface ObjectStoreSubject {
  /** How the tests are titled: `memory`, `s3 on Ceph`. */
  readonly name: string
  /** Makes an empty store; called once per test. Two stores share no objects. */
  readonly makeStore: () => Promise<ObjectStore> | ObjectStore
  /** Throws when the place holds anything but objects, such as unfinished uploads. Called after every test. */
  readonly assertNoResidue?: ((store: ObjectStore) => Promise<void>) | undefined
}

const oddKeys = [
  'with space/and more.txt',
  'plus+and%percent/%2F/100%',
  'ünïcödé/日本語.dump',
  'boat/🛟/file',
  `quotes/'single'/"double"/\`tick\``,
  'signs/!@#$^&*()=[]{};:,<>?~|',
  'dots/..hidden/...',
]
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

/**
 * The conformance suite of {@link ObjectStore}: every sentence of its contract as a test. Every store runs it, and
 * every decorator around a store. It asserts with `node:assert/strict` and takes the runner's `describe` and `it`.
 */
export function objectStoreSuite(runner: SuiteRunner, subject: ObjectStoreSubject): void {
  const test = (name: string, body: (store: ObjectStore) => Promise<void>) =>
    runner.it(
      name,
      async () => {
        const store = await subject.makeStore()
        await body(store)
        await subject.assertNoResidue?.(store)
      },
      timeoutMs,
    )

  runner.describe(`object store: ${subject.name}`, () => {
    roundTrips(test)
    ranges(test)
    listings(test)
    descriptions(test)
    absences(test)
    failures(test)
    conditions(test)
    keys(test)
    cancellations(test)
  })
}

type Test = (name: string, body: (store: ObjectStore) => Promise<void>) => unknown

function roundTrips(test: Test): void {
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

function ranges(test: Test): void {
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

function listings(test: Test): void {
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

function descriptions(test: Test): void {
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

function absences(test: Test): void {
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

function failures(test: Test): void {
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

function conditions(test: Test): void {
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

function keys(test: Test): void {
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

function cancellations(test: Test): void {
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

/** `total` bytes of a fixed pattern that differs from chunk to chunk. */
async function* counted(total: number, chunkBytes: number, onChunk?: (chunk: Buffer) => void): ByteSource {
  for (let at = 0, n = 0; at < total; at += chunkBytes, n++) {
    const chunk = Buffer.alloc(Math.min(chunkBytes, total - at), `chunk ${n} `)
    onChunk?.(chunk)
    yield chunk
  }
}

async function bytes(store: ObjectStore, key: string, options?: GetOptions): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of store.get(key, options)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function text(store: ObjectStore, key: string, options?: GetOptions): Promise<string> {
  return (await bytes(store, key, options)).toString()
}

async function listed(store: ObjectStore, prefix: string, signal?: AbortSignal): Promise<StoredObject[]> {
  const found: StoredObject[] = []
  for await (const stored of store.list(prefix, { signal })) found.push(stored)
  return found
}

function sizes(objects: readonly StoredObject[]): Record<string, number> {
  return Object.fromEntries(objects.map(({ key, sizeBytes }) => [key, sizeBytes]))
}

/** The code of the error that `call` fails with; the call must fail. */
async function codeOf(store: ObjectStore, call: Promise<unknown>): Promise<ErrorCode | undefined> {
  let failure: unknown
  await assert.rejects(call, (error: unknown) => {
    failure = error
    return true
  })
  return store.classify(failure)
}

async function inParallel<T>(width: number, values: readonly T[], act: (value: T) => Promise<unknown>): Promise<void> {
  const rest = values[Symbol.iterator]()
  const worker = async () => {
    for (const value of rest) await act(value)
  }
  await Promise.all(Array.from({ length: width }, worker))
}
