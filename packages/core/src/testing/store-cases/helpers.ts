import assert from 'node:assert/strict'
import type { ErrorCode } from '../../errors/error-code.js'
import type { GetOptions, ObjectStore, StoredObject } from '../../store/object-store.js'
import type { ByteSource } from '../../streams/byte-source.js'

/** Adds a test with a store of its own. */
export type Test = (name: string, body: (store: ObjectStore) => Promise<void>) => unknown

/** Keys that a service or a file system may stumble over. */
export const oddKeys = [
  'with space/and more.txt',
  'plus+and%percent/%2F/100%',
  'ünïcödé/日本語.dump',
  'boat/🛟/file',
  `quotes/'single'/"double"/\`tick\``,
  'signs/!@#$^&*()=[]{};:,<>?~|',
  'dots/..hidden/...',
]

/** `total` bytes of a fixed pattern that differs from chunk to chunk. */
export async function* counted(total: number, chunkBytes: number, onChunk?: (chunk: Buffer) => void): ByteSource {
  for (let at = 0, n = 0; at < total; at += chunkBytes, n++) {
    const chunk = Buffer.alloc(Math.min(chunkBytes, total - at), `chunk ${n} `)
    onChunk?.(chunk)
    yield chunk
  }
}

export async function bytes(store: ObjectStore, key: string, options?: GetOptions): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of store.get(key, options)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function text(store: ObjectStore, key: string, options?: GetOptions): Promise<string> {
  return (await bytes(store, key, options)).toString()
}

export async function listed(store: ObjectStore, prefix: string, signal?: AbortSignal): Promise<StoredObject[]> {
  const found: StoredObject[] = []
  for await (const stored of store.list(prefix, { signal })) found.push(stored)
  return found
}

export function sizes(objects: readonly StoredObject[]): Record<string, number> {
  return Object.fromEntries(objects.map(({ key, sizeBytes }) => [key, sizeBytes]))
}

/** The code of the error that `call` fails with; the call must fail. */
export async function codeOf(store: ObjectStore, call: Promise<unknown>): Promise<ErrorCode | undefined> {
  let failure: unknown
  await assert.rejects(call, (error: unknown) => {
    failure = error
    return true
  })
  return store.classify(failure)
}

export async function inParallel<T>(
  width: number,
  values: readonly T[],
  act: (value: T) => Promise<unknown>,
): Promise<void> {
  const rest = values[Symbol.iterator]()
  const worker = async () => {
    for (const value of rest) await act(value)
  }
  await Promise.all(Array.from({ length: width }, worker))
}
