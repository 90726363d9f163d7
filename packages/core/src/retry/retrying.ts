import { setTimeout as sleep } from 'node:timers/promises'
import type { EventListener } from '../events/backup-event.js'
import { assertKey } from '../store/assert-key.js'
import { compareKeys } from '../store/compare-keys.js'
import type {
  GetOptions,
  ObjectStore,
  PutLock,
  PutOptions,
  RetrieveOptions,
  StoreCallOptions,
  StoreRetry,
} from '../store/object-store.js'
import { type ByteSource, bytesOf, readWhole } from '../streams/byte-source.js'
import { untilAborted } from '../streams/until-aborted.js'
import { defaultRetryPolicy, nextDelayMs, type RetryPolicy } from './retry-policy.js'

export interface RetryingOptions {
  /** What an event calls the store. */
  readonly destination: string
  readonly emit: EventListener
  /** Default: {@link defaultRetryPolicy}. */
  readonly policy?: RetryPolicy | undefined
}

/** A put of no more than this is held and can be repeated; a longer one has only its one source. */
const smallPutBytes = 2 ** 20

/**
 * The store with its idempotent calls repeated where repeating can help (`store-unreachable`): head, get before its
 * first byte, list, remove, and puts of up to 1 MiB. One that repeats single requests itself (`retriesRequests`) keeps
 * doing so, and is only listened to: two layers of five attempts would be twenty-five.
 */
export function retrying(store: ObjectStore, { destination, emit, policy }: RetryingOptions): ObjectStore {
  const onRetry = (retry: StoreRetry) => emit({ type: 'retry.scheduled', destination, ...retry })
  const settled = policy ?? defaultRetryPolicy
  return store.retriesRequests ? listening(store, onRetry) : repeating(store, settled, onRetry)
}

function listening(store: ObjectStore, onRetry: (retry: StoreRetry) => void): ObjectStore {
  const heard = <Options extends StoreCallOptions>(options?: Options) => ({ ...options, onRetry }) as Options
  return {
    ...optionalParts(store, heard),
    put: (key, source, options) => store.put(key, source, heard(options)),
    get: (key, options) => store.get(key, heard(options)),
    head: (key, options) => store.head(key, heard(options)),
    list: (prefix, options) => store.list(prefix, heard(options)),
    remove: (key, options) => store.remove(key, heard(options)),
  }
}

function repeating(store: ObjectStore, policy: RetryPolicy, onRetry: (retry: StoreRetry) => void): ObjectStore {
  /** Resolves when it is time for another attempt, rejects with the failure when there is none. */
  const waiter = (doing: string, signal: AbortSignal | undefined) => {
    let failures = 0
    let waitedMs = 0
    return async (error: unknown) => {
      signal?.throwIfAborted()
      failures += 1
      const code = store.classify(error)
      const delayMs = code === 'store-unreachable' ? nextDelayMs(policy, { failures, waitedMs }) : undefined
      if (delayMs === undefined) throw error
      waitedMs += delayMs
      onRetry({ doing, attempt: failures + 1, delayMs, code: code! })
      await sleep(delayMs, undefined, { signal }).catch(() => signal?.throwIfAborted())
    }
  }
  const repeated = async <T>(doing: string, signal: AbortSignal | undefined, call: (attempt: number) => Promise<T>) => {
    const wait = waiter(doing, signal)
    for (let attempt = 1; ; attempt++) {
      try {
        return await call(attempt)
      } catch (error) {
        await wait(error)
      }
    }
  }
  async function* listed<T>(
    doing: string,
    options: StoreCallOptions,
    call: () => AsyncIterable<T>,
    nameOf: (one: T) => string,
    ordered = false,
  ) {
    const wait = waiter(doing, options.signal)
    const seen = new Set<string>()
    let last: string | undefined
    for (;;) {
      // Where names come in order the last one tells what an attempt before has shown; else all of them have to be held.
      const shown = last
      try {
        for await (const one of call()) {
          const name = nameOf(one)
          if (ordered ? shown !== undefined && compareKeys(name, shown) <= 0 : seen.has(name)) continue
          if (ordered) last = name
          else seen.add(name)
          yield one
        }
        return
      } catch (error) {
        await wait(error)
      }
    }
  }

  const { removeUnfinished, listUnfinished, extendLock } = store
  return {
    ...optionalParts(store, options => options),

    async put(key, source, options = {}) {
      assertKey(key)
      options.signal?.throwIfAborted()
      const held = await holdSmall(source, options)
      if ('longer' in held) return store.put(key, held.longer, options).finally(() => held.letGo())
      return repeated(`put ${key}`, options.signal, async attempt => {
        try {
          return await store.put(key, bytesOf(...held.chunks), options)
        } catch (error) {
          // Refused because of itself: the attempt before did the work, and its answer was lost.
          if (attempt === 1 || store.classify(error) !== 'object-exists') throw error
          const found = await readWhole(store.get(key, options), smallPutBytes).catch(() => undefined)
          const stored = found?.equals(Buffer.concat(held.chunks)) ? await store.head(key, options) : undefined
          if (stored === undefined) throw error
          return stored
        }
      })
    },

    async *get(key, options: GetOptions = {}) {
      const wait = waiter(`get ${key}`, options.signal)
      for (let begun = false; ; ) {
        try {
          for await (const chunk of store.get(key, options)) {
            begun = true
            yield chunk
          }
          return
        } catch (error) {
          if (begun) throw error
          await wait(error)
        }
      }
    },

    head: (key, options) => repeated(`head ${key}`, options?.signal, () => store.head(key, options)),
    list: (prefix, options = {}) =>
      listed(
        `list ${prefix}`,
        options,
        () => store.list(prefix, options),
        one => one.key,
        store.listsInOrder,
      ),
    remove: (key, options) => repeated(`remove ${key}`, options?.signal, () => store.remove(key, options)),
    ...(extendLock && {
      extendLock: (key, lock, options) =>
        repeated(`lock ${key}`, options?.signal, () => extendLock.call(store, key, lock, options)),
    }),
    ...(listUnfinished && {
      listUnfinished: (prefix, options = {}) =>
        listed(
          `list ${prefix}`,
          options,
          () => listUnfinished.call(store, prefix, options),
          one => one.handle,
        ),
    }),
    ...(removeUnfinished && {
      removeUnfinished: (one, options) =>
        repeated(`remove ${one.key}`, options?.signal, () => removeUnfinished.call(store, one, options)),
    }),
  }
}

/** What is the same on both: names, and the optional calls. */
function optionalParts(
  store: ObjectStore,
  heard: <Options extends StoreCallOptions>(options?: Options) => Options | undefined,
) {
  const { name, location, region, host, capabilities, retriesRequests, listsInOrder } = store
  const { probe, listUnfinished, removeUnfinished, removeForGood, retrieve, extendLock, posture, policy } = store
  return {
    ...{ name, location, region, host, capabilities, ...(retriesRequests && { retriesRequests }) },
    ...(listsInOrder && { listsInOrder }),
    ...(policy && { policy: policy.bind(store) }),
    ...(removeForGood && {
      removeForGood: (key: string, options?: StoreCallOptions) => removeForGood.call(store, key, heard(options)),
    }),
    ...(retrieve && {
      retrieve: (key: string, options: RetrieveOptions) => retrieve.call(store, key, heard(options) ?? options),
    }),
    ...(extendLock && {
      extendLock: (key: string, lock: PutLock, options?: StoreCallOptions) =>
        extendLock.call(store, key, lock, heard(options)),
    }),
    ...(posture && { posture: (options?: StoreCallOptions) => posture.call(store, heard(options)) }),
    classify: (error: unknown) => store.classify(error),
    ...(probe && { probe: (options?: StoreCallOptions) => probe.call(store, heard(options)) }),
    ...(listUnfinished && {
      listUnfinished: (prefix: string, options?: StoreCallOptions) =>
        listUnfinished.call(store, prefix, heard(options)),
    }),
    ...(removeUnfinished && {
      removeUnfinished: (one: Parameters<typeof removeUnfinished>[0], options?: StoreCallOptions) =>
        removeUnfinished.call(store, one, heard(options)),
    }),
  }
}

/** A source that ends within the limit, held; a longer one as it was, with what was already read in front. */
async function holdSmall(
  source: ByteSource,
  options: PutOptions,
): Promise<{ readonly chunks: Buffer[] } | { readonly longer: ByteSource; letGo(): void }> {
  if ((options.expectedBytes ?? 0) > smallPutBytes) return { longer: source, letGo: () => {} }
  const iterator = untilAborted(source, options.signal)[Symbol.asyncIterator]()
  const chunks: Buffer[] = []
  for (let total = 0; total <= smallPutBytes; ) {
    const next = await iterator.next()
    if (next.done) return { chunks }
    // A source may use its buffer again.
    chunks.push(Buffer.from(next.value))
    total += next.value.byteLength
  }
  return {
    longer: (async function* () {
      yield* chunks
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
    })(),
    // Not by the generator itself, which runs to no end where it is never read; nor awaited, as the source may be silent.
    letGo: () => void iterator.return?.(undefined).catch(() => {}),
  }
}
