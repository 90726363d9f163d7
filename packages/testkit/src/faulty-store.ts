import type { ObjectStore } from '../../core/src/store/object-store.js'
import type { ByteSource } from '../../core/src/streams/byte-source.js'

/** A call of a store, or a chunk of bytes on its way through one. */
export type StoreStep = 'put' | 'put-chunk' | 'get' | 'get-chunk' | 'head' | 'list' | 'remove'

export interface StoreMoment {
  readonly step: StoreStep
  /** The key, or the prefix of a listing. */
  readonly key: string
  /** How many steps of this kind came before. */
  readonly ofKind: number
  /** How many steps of any kind came before. */
  readonly overall: number
}

/**
 * A store that asks `fault` before every step: an answer that is thrown or rejected fails the step, one that never
 * comes stalls it, and bytes that are returned take the place of the chunk.
 */
export function faulty(
  store: ObjectStore,
  fault: (moment: StoreMoment, chunk: Uint8Array | undefined) => unknown,
): ObjectStore {
  const counts = new Map<StoreStep, number>()
  let overall = 0
  const before = async (step: StoreStep, key: string, chunk?: Uint8Array) => {
    const ofKind = counts.get(step) ?? 0
    counts.set(step, ofKind + 1)
    const answer = await fault({ step, key, ofKind, overall: overall++ }, chunk)
    return answer instanceof Uint8Array ? answer : chunk
  }
  async function* chunks(step: 'put-chunk' | 'get-chunk', key: string, source: ByteSource): ByteSource {
    for await (const chunk of source) yield (await before(step, key, chunk))!
  }
  const { probe, listUnfinished, removeUnfinished } = store
  return {
    name: store.name,
    location: store.location,
    capabilities: store.capabilities,
    async put(key, source, options) {
      await before('put', key)
      return store.put(key, chunks('put-chunk', key, source), options)
    },
    async *get(key, options) {
      await before('get', key)
      yield* chunks('get-chunk', key, store.get(key, options))
    },
    async head(key, options) {
      await before('head', key)
      return store.head(key, options)
    },
    async *list(prefix, options) {
      await before('list', prefix)
      yield* store.list(prefix, options)
    },
    async remove(key, options) {
      await before('remove', key)
      return store.remove(key, options)
    },
    classify: error => store.classify(error),
    ...(probe ? { probe: options => probe.call(store, options) } : {}),
    ...(listUnfinished ? { listUnfinished: (prefix, options) => listUnfinished.call(store, prefix, options) } : {}),
    ...(removeUnfinished ? { removeUnfinished: (one, options) => removeUnfinished.call(store, one, options) } : {}),
  }
}
