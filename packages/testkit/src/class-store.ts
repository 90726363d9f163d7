import {
  type ByteSource,
  type ErrorCode,
  type GetOptions,
  memoryStore,
  type ObjectStore,
  type PutLock,
  type PutOptions,
  type Removal,
  type StoreCallOptions,
  type StoredObject,
} from '@lifeboat/core'

/** A store as a user may write one: a class, with methods on its prototype, getters, and fields that only it can read. */
export class ClassStore implements ObjectStore {
  readonly #inner: ObjectStore
  /** An ordinary field that changes: nobody may freeze the store. */
  puts = 0

  constructor(now: () => Date) {
    this.#inner = memoryStore({ objectLock: true, now })
  }

  get name() {
    return 'class'
  }

  get location() {
    return `class of ${this.#inner.location}`
  }

  get capabilities() {
    return this.#inner.capabilities
  }

  put(key: string, source: ByteSource, options?: PutOptions): Promise<StoredObject> {
    this.puts += 1
    return this.#inner.put(key, source, options)
  }

  get(key: string, options?: GetOptions): ByteSource {
    return this.#inner.get(key, options)
  }

  head(key: string, options?: StoreCallOptions): Promise<StoredObject | undefined> {
    return this.#inner.head(key, options)
  }

  list(prefix: string, options?: StoreCallOptions): AsyncIterable<StoredObject> {
    return this.#inner.list(prefix, options)
  }

  remove(key: string, options?: StoreCallOptions): Promise<void> {
    return this.#inner.remove(key, options)
  }

  removeForGood(key: string, options?: StoreCallOptions): Promise<Removal> {
    return this.#inner.removeForGood!(key, options)
  }

  extendLock(key: string, lock: PutLock, options?: StoreCallOptions): Promise<void> {
    return this.#inner.extendLock!(key, lock, options)
  }

  classify(error: unknown): ErrorCode | undefined {
    return this.#inner.classify(error)
  }
}
