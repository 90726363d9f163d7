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

export type ToDumpWorker =
  | { readonly type: 'begin'; readonly work: DumpWork }
  | { readonly type: 'taken' }
  | { readonly type: 'stop' }

type Arrived = FromDumpWorker | { readonly type: 'broken'; readonly error: unknown }

/** A thread that packs one dump. It is started ahead: that takes about as long as connecting to the server. */
export class DumpThread {
  readonly #worker: Worker
  readonly #arrived: Arrived[] = []
  #wake = () => {}
  readonly #exited: Promise<void>

  constructor(file: URL) {
    this.#worker = new Worker(file, { name: 'lifeboat-dump' })
    this.#worker.on('message', one => this.#arrive(one))
    this.#worker.on('error', error => this.#arrive({ type: 'broken', error }))
    this.#exited = new Promise(resolve => {
      this.#worker.on('exit', status => {
        // An error of the thread came before, by its own event.
        this.#arrive({ type: 'broken', error: new Error(`the thread of the dump ended with status ${status}`) })
        resolve()
      })
    })
  }

  /** The thread is over, and pg_dump with it, when this ends in whatever way. */
  async *pack(work: DumpWork, { done, emit, signal }: Packing): ByteSource {
    const stop = () => this.#tell({ type: 'stop' })
    signal?.addEventListener('abort', stop, { once: true })
    try {
      if (signal?.aborted) throw cancellation(signal)
      this.#tell({ type: 'begin', work })
      for (;;) {
        const one = await this.#next()
        switch (one.type) {
          case 'event':
            emit(one.event)
            break
          case 'bytes':
            yield one.bytes
            this.#tell({ type: 'taken' })
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
      await this.close()
    }
  }

  /** Ends the thread, whether it has begun or not. */
  async close(): Promise<void> {
    this.#tell({ type: 'stop' })
    await this.#exited
  }

  async #next(): Promise<Arrived> {
    for (;;) {
      const one = this.#arrived.shift()
      if (one !== undefined) return one
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  #arrive(one: Arrived): void {
    this.#arrived.push(one)
    this.#wake()
  }

  #tell(message: ToDumpWorker): void {
    this.#worker.postMessage(message)
  }
}
