import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Scan } from '../archive/scan-stage.js'
import { BackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import type { ErrorCode } from '../errors/error-code.js'
import type { BackupEvent } from '../events/backup-event.js'
import type { ByteSource } from '../streams/byte-source.js'
import type { DumpWork, Packing } from './pack-dump.js'

export type FromDumpWorker =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'event'; readonly event: BackupEvent }
  | { readonly type: 'done'; readonly scan: Scan }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined }

export type ToDumpWorker = { readonly type: 'taken' } | { readonly type: 'stop' }

type Arrived = FromDumpWorker | { readonly type: 'broken'; readonly error: unknown }

/** Packs a dump on a thread of its own. It is over, and pg_dump with it, when this ends in whatever way. */
export async function* packOnThread(work: DumpWork, { done, emit, signal }: Packing, file: URL): ByteSource {
  if (signal?.aborted) throw cancellation(signal)
  const worker = new Worker(file, { name: 'lifeboat-dump', workerData: work })
  const tell = (message: ToDumpWorker) => worker.postMessage(message)
  const stop = () => tell({ type: 'stop' })
  const arrived: Arrived[] = []
  let wake = () => {}
  const arrive = (one: Arrived) => {
    arrived.push(one)
    wake()
  }
  worker.on('message', arrive)
  worker.on('error', error => arrive({ type: 'broken', error }))
  const exited = once(worker, 'exit').then(
    ([status]) => arrive({ type: 'broken', error: new Error(`the thread of the dump ended with status ${status}`) }),
    // An error of the thread comes by its own event, and its end after it.
    () => {},
  )
  signal?.addEventListener('abort', stop, { once: true })
  try {
    for (;;) {
      const one = arrived.shift()
      if (one === undefined) {
        await new Promise<void>(resolve => {
          wake = resolve
        })
        continue
      }
      switch (one.type) {
        case 'event':
          emit(one.event)
          break
        case 'bytes':
          yield one.bytes
          tell({ type: 'taken' })
          break
        case 'done':
          done(one.scan)
          return
        case 'failed':
          if (signal?.aborted) throw cancellation(signal)
          throw new BackupError(one.code, one.message, { hint: one.hint })
        case 'broken':
          throw one.error
      }
    }
  } finally {
    signal?.removeEventListener('abort', stop)
    stop()
    await exited
  }
}
