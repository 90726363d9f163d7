import { beginSession, type MessageSession } from '../encryption/message-session.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { prepareToSeal } from '../seal/seal.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { bytesOf } from '../streams/byte-source.js'
import { openSpill, type Spill } from '../streams/spill.js'
import { checkpointFormat, sealCheckpoint } from './checkpoint.js'
import type { CopyJob } from './copy-job.js'
import { entryLine, type ObjectEntry, parseEntry } from './object-entry.js'
import { checkpointKey, checkpointListKey } from './object-layout.js'
import { encryptionOf } from './snapshot-encryption.js'
import { contentLine, type StoredContent, writeLines } from './snapshot-files.js'

/** How much a run stores, or how many objects, before it writes down what it has. */
export interface CheckpointEvery {
  readonly objects: number
  readonly bytes: number
}

export const checkpointEvery: CheckpointEvery = { objects: 2000, bytes: 256 * 1024 * 1024 }

type CheckpointJob = Pick<
  CopyJob,
  'product' | 'set' | 'store' | 'lock' | 'listingLock' | 'sealer' | 'now' | 'emit' | 'checkpointEvery'
>

/**
 * Writes down, from time to time, what a run has fetched and has in place, so that the next one need not fetch it again
 * where this one is killed. Entries wait on the disk until their content is stored.
 */
export class CheckpointWriter {
  readonly #job: CheckpointJob
  readonly #run: string
  readonly #startedAt: Date
  readonly #signal: AbortSignal
  readonly #every: CheckpointEvery
  #session: Promise<MessageSession> | undefined
  #seal: ReturnType<typeof prepareToSeal> | undefined
  #waiting: Spill | undefined
  #contents: StoredContent[] = []
  #toldBytes = 0
  #told = 0
  #covered = 0
  #written = 0
  #failed = false

  constructor(
    job: CheckpointJob,
    { run, startedAt, signal }: { readonly run: string; readonly startedAt: Date; readonly signal: AbortSignal },
  ) {
    this.#job = job
    this.#run = run
    this.#startedAt = startedAt
    this.#signal = signal
    this.#every = job.checkpointEvery ?? checkpointEvery
  }

  /** Of all that were written. */
  get keys(): string[] {
    const { product, set } = this.#job
    return Array.from({ length: this.#written }, (_, at) => [
      checkpointKey(product, set, this.#run, at + 1),
      checkpointListKey(product, set, this.#run, at + 1),
    ]).flat()
  }

  /** Content with a number up to this may be named by one. */
  get covered(): number {
    return this.#covered
  }

  /** Takes what is in place, in the order of the numbers. */
  stored(content: StoredContent): void {
    this.#told = content.number
    if (this.#failed) return
    this.#contents.push(content)
    this.#toldBytes += content.storedBytes
  }

  /** Takes an entry that this run fetched, in the order of the keys; its content may still be on its way. */
  async add(entry: ObjectEntry): Promise<void> {
    if (this.#failed) return
    this.#waiting ??= await openSpill()
    await this.#waiting.append(entryLine(entry))
    const many = this.#waiting.lines >= this.#every.objects && this.#told > this.#covered
    if (many || this.#toldBytes >= this.#every.bytes) await this.#write(this.#waiting)
  }

  async close(): Promise<void> {
    await this.#waiting?.close()
  }

  async #write(waiting: Spill): Promise<void> {
    const { product, set, store, lock, listingLock, sealer, now } = this.#job
    const [run, signal, told, contents] = [this.#run, this.#signal, this.#told, this.#contents]
    const number = this.#written + 1
    this.#contents = []
    this.#toldBytes = 0
    const rest = await openSpill()
    this.#waiting = rest
    try {
      this.#session ??= beginSession(listingLock)
      this.#seal ??= sealer && prepareToSeal(sealer)
      const session = await this.#session
      const lines = linesUpTo(told, contents, waiting, rest)
      const list = await writeLines(store, checkpointListKey(product, set, run, number), lines, { session, signal })
      const head = await sealCheckpoint(
        {
          ...{ format: checkpointFormat, run, number, product, set },
          ...{ createdAt: this.#startedAt.toISOString(), at: now().toISOString() },
          ...{ list, encryption: encryptionOf(lock), seal: null },
        },
        this.#seal,
      )
      // From here on it may be there, whatever the answer.
      this.#covered = told
      this.#written = number
      const text = `${JSON.stringify(head)}\n`
      await store.put(checkpointKey(product, set, run, number), bytesOf(text), { ifAbsent: true, signal })
    } catch (error) {
      this.#giveUp(error)
    } finally {
      await waiting.close()
    }
  }

  /** The run can do without; the next one has to fetch more. */
  #giveUp(error: unknown): void {
    const { store, product, set, emit } = this.#job
    throwIfCancelled(this.#signal)
    const wrapped = wrapStoreError(error, {
      store,
      doing: `note what is stored of ${product}/${set}`,
      signal: this.#signal,
    })
    if (wrapped.code === 'cancelled' || wrapped.code === 'locked') throw wrapped
    this.#failed = true
    this.#contents = []
    const message = `${wrapped.message}; if this run is killed, the next one fetches everything since then again`
    emit({ type: 'warning.raised', message })
  }
}

/** Lines of content, then those entries in front whose content is in place; the others go on waiting. */
async function* linesUpTo(
  told: number,
  contents: readonly StoredContent[],
  waiting: Spill,
  rest: Spill,
): AsyncGenerator<string> {
  for (const content of contents) yield contentLine(content)
  let inPlace = true
  for await (const line of waiting.read()) {
    const { content } = parseEntry(line)
    inPlace &&= content === null || content.number <= told
    if (inPlace) yield line
    else await rest.append(line)
  }
}
