import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'

const maxBytes = 256 * 1024

const noteSchema = z.object({
  token: z.string().regex(/^[0-9a-f]{8,64}$/),
  /** The kind of provider that knows these services. */
  provider: z.string(),
  /** `restore`: resumed at its end. `manual`: by a person, until a person resumes. */
  purpose: z.enum(['restore', 'manual']),
  /** Who paused, for people. */
  holder: z.string(),
  at: z.iso.datetime(),
  /** Until when the process counts as alive; null for a pause that no process holds. */
  aliveUntil: z.iso.datetime().nullable(),
  services: z.array(z.object({ id: z.string().min(1), name: z.string() })),
})

/** What is written down before services are paused: what to resume, and since when nobody may be left to do it. */
export type PauseNote = z.output<typeof noteSchema>

/** A note and where it lies. */
export interface FoundPauseNote {
  readonly note: PauseNote
  readonly store: ObjectStore
  readonly key: string
}

/** The prefix of a product's notes; like locks they are no part of any backup. */
export function pausesPrefix(product: string): string {
  return `${product}/pauses/`
}

/** Writes a note into the first store that takes it. @throws BackupError the last store's, when none does */
export async function writePauseNote(
  stores: readonly ObjectStore[],
  product: string,
  fields: Omit<PauseNote, 'token'>,
  signal: AbortSignal | undefined,
): Promise<FoundPauseNote> {
  const note = { ...fields, token: randomBytes(8).toString('hex') }
  const key = `${pausesPrefix(product)}${note.token}.json`
  let failure: unknown
  for (const store of stores) {
    try {
      const found = { note, store, key }
      await putNote(found, signal)
      return found
    } catch (error) {
      // It may have come through all the same. Nobody would renew it, and others would resume in the middle of the work.
      await store.remove(key).catch(() => {})
      signal?.throwIfAborted()
      failure = error
    }
  }
  throw failure
}

/** Writes a note again, such as with a later time. */
export async function putNote({ note, store, key }: FoundPauseNote, signal?: AbortSignal): Promise<void> {
  try {
    await store.put(key, bytesOf(`${JSON.stringify(note, null, 2)}\n`), { signal })
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `write ${key}`, signal })
  }
}

export async function removeNote({ store, key }: FoundPauseNote): Promise<void> {
  try {
    await store.remove(key)
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `remove ${key}` })
  }
}

/** Every note of a product in these stores. A note that cannot be read is passed over: it names no service to resume. */
export async function readPauseNotes(
  stores: readonly ObjectStore[],
  product: string,
  signal: AbortSignal | undefined,
): Promise<FoundPauseNote[]> {
  const found: FoundPauseNote[] = []
  for (const store of stores) {
    try {
      for await (const { key } of store.list(pausesPrefix(product), { signal })) {
        const read = noteSchema.safeParse(parseJson(await readOne(store, key, signal)))
        if (read.success) found.push({ note: read.data, store, key })
      }
    } catch (error) {
      throw wrapStoreError(error, { store, doing: `read ${pausesPrefix(product)}`, signal })
    }
  }
  return found
}

async function readOne(store: ObjectStore, key: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    return (await readWhole(store.get(key, { signal }), maxBytes)).toString('utf8')
  } catch (error) {
    // Removed by its own process meanwhile, or no note of ours.
    if (store.classify(error) === 'object-missing' || error instanceof RangeError) return ''
    throw error
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON: not a note.
    return undefined
  }
}
