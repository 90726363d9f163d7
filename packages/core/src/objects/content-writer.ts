import type { ObjectStore, PutOptions } from '../store/object-store.js'
import { type ByteSource, bytesOf } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import { limitedTo } from '../streams/semaphore.js'
import type { ContentPlace } from './object-entry.js'
import { contentKey } from './object-layout.js'
import { assertLength, type StoredContent } from './snapshot-files.js'

/** A pack is stored once it is this long. */
export const packBytes = 8 * 1024 * 1024
/** A pack that is still open when so many contents were begun after it is stored as it is: results wait for it. */
const mostBehind = 500
const packsInFlight = 3
const longOnesInFlight = 2

export interface ContentWriterOptions {
  readonly store: ObjectStore
  readonly product: string
  readonly set: string
  readonly run: string
  /** A pack is stored once it holds so many messages, too. Default: any number. */
  readonly packMessages?: number | undefined
  /** What every put of content gets. */
  readonly put: Pick<PutOptions, 'signal' | 'storageClass'>
  /** Called in the order of the numbers, from 1, once each is in place. */
  readonly onStored: (content: StoredContent) => Promise<void>
}

/** Stores messages: small ones in a row, in packs of some MiB, and long ones alone. Nothing is written over. */
export class ContentWriter {
  readonly #options: ContentWriterOptions
  readonly #inFlight = new Set<Promise<void>>()
  readonly #withPlace = limitedTo(longOnesInFlight)
  /** Null: nothing came of it. */
  readonly #done = new Map<number, StoredContent | null>()
  #telling: Promise<void> = Promise.resolve()
  #failure: { readonly error: unknown } | undefined
  #pack: { readonly number: number; readonly messages: Buffer[]; bytes: number } | undefined
  #next = 1
  #told = 1
  #storedBytes = 0

  constructor(options: ContentWriterOptions) {
    this.#options = options
  }

  /** How many contents were begun: their numbers are 1 to this. */
  get begun(): number {
    return this.#next - 1
  }

  get storedBytes(): number {
    return this.#storedBytes
  }

  /** Puts a whole message behind others. It is in place only after {@link close}. */
  async append(message: Buffer): Promise<ContentPlace> {
    this.#throwFailure()
    this.#pack ??= { number: this.#next++, messages: [], bytes: 0 }
    const place = {
      run: this.#options.run,
      number: this.#pack.number,
      offset: this.#pack.bytes,
      lengthBytes: message.byteLength,
    }
    this.#pack.messages.push(message)
    this.#pack.bytes += message.byteLength
    const { packMessages = Number.POSITIVE_INFINITY } = this.#options
    const full = this.#pack.bytes >= packBytes || this.#pack.messages.length >= packMessages
    if (full || this.#next - this.#pack.number > mostBehind) await this.#flush()
    return place
  }

  /** Stores a message alone. */
  storeAlone(message: ByteSource, expectedBytes: number): Promise<ContentPlace> {
    return this.#withPlace(async () => {
      this.#throwFailure()
      const number = this.#next++
      const storedBytes = await this.#store(number, message, expectedBytes).catch((error: unknown) => {
        this.#settleNumber(number, null)
        throw error
      })
      return { run: this.#options.run, number, offset: 0, lengthBytes: storedBytes }
    })
  }

  /** The regular end means that everything is in place. */
  async close(): Promise<void> {
    await this.#flush()
    await Promise.all(this.#inFlight)
    await this.#telling
    this.#throwFailure()
  }

  /** Waits for what is under way; nothing fails here. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#inFlight)
    // `close` meets it, or the failure that led here has been met.
    await this.#telling.catch(() => {})
  }

  async #flush(): Promise<void> {
    const pack = this.#pack
    if (pack === undefined) return
    this.#pack = undefined
    while (this.#inFlight.size >= packsInFlight) await Promise.race(this.#inFlight)
    this.#throwFailure()
    const storing: Promise<void> = this.#store(pack.number, bytesOf(...pack.messages), pack.bytes).then(
      () => void this.#inFlight.delete(storing),
      error => {
        this.#failure ??= { error }
        this.#inFlight.delete(storing)
      },
    )
    this.#inFlight.add(storing)
  }

  async #store(number: number, message: ByteSource, expectedBytes: number): Promise<number> {
    const { store, product, set, run, put } = this.#options
    const key = contentKey(product, set, run, number)
    const digest = new PassingDigest()
    const stored = await store.put(key, digest.through(message), { ...put, ifAbsent: true, expectedBytes })
    assertLength(key, stored.sizeBytes, digest.bytes)
    this.#storedBytes += digest.bytes
    this.#settleNumber(number, { run, number, storedBytes: digest.bytes, storedSha256: digest.sha256 })
    return digest.bytes
  }

  #settleNumber(number: number, content: StoredContent | null): void {
    this.#done.set(number, content)
    this.#telling = this.#telling.then(() => this.#tell())
    // Met in `close`; until then it must not count as unhandled.
    this.#telling.catch(() => {})
  }

  async #tell(): Promise<void> {
    for (let next = this.#done.get(this.#told); next !== undefined; next = this.#done.get(this.#told)) {
      this.#done.delete(this.#told)
      this.#told += 1
      if (next !== null) await this.#options.onStored(next)
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
