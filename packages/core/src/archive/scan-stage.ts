import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { BackupError } from '../errors/backup-error.js'
import type { ErrorCode } from '../errors/error-code.js'
import type { ByteSource } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import { ArchiveScanner, type ArchiveSummary } from './archive-scanner.js'

/** What passed through a scan, once its stream has ended. */
export interface Scan {
  readonly summary: ArchiveSummary
  /** SHA-256 of the whole archive, lower-case hex. */
  readonly sha256: string
}

export type FromScanWorker =
  | { readonly type: 'returned'; readonly buffer: ArrayBuffer }
  | { readonly type: 'done'; readonly scan: Scan }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined }

export type ToScanWorker =
  | { readonly type: 'bytes'; readonly buffer: ArrayBuffer; readonly length: number }
  | { readonly type: 'end' }

const bufferBytes = 2 ** 20
const buffers = 6

/**
 * Passes an archive on unchanged and scans it on the way, on a thread of its own where the built package has its
 * worker file beside it. The stream ends only after the archive's end was proven; `done` gets the scan before that.
 */
export function scanned(source: ByteSource, done: (scan: Scan) => void): ByteSource {
  const file = new URL('./scan-worker.js', import.meta.url)
  return existsSync(fileURLToPath(file)) ? scannedByWorker(source, done, file) : scannedInline(source, done)
}

async function* scannedInline(source: ByteSource, done: (scan: Scan) => void): ByteSource {
  const scanner = new ArchiveScanner()
  const digest = new PassingDigest()
  for await (const chunk of source) {
    scanner.push(chunk)
    digest.update(chunk)
    yield chunk
  }
  done({ summary: scanner.finish(), sha256: digest.sha256 })
}

async function* scannedByWorker(source: ByteSource, done: (scan: Scan) => void, file: URL): ByteSource {
  const scanning = new ScanThread(file)
  try {
    for await (const chunk of source) {
      await scanning.push(chunk)
      yield chunk
    }
    done(await scanning.finish())
  } finally {
    await scanning.close()
  }
}

/** One scanning thread, fed with copies of the chunks through a fixed pool of buffers. */
class ScanThread {
  readonly #worker: Worker
  readonly #free: ArrayBuffer[] = Array.from({ length: buffers }, () => new ArrayBuffer(bufferBytes))
  #filling: Uint8Array | undefined
  #filled = 0
  #failure: Error | undefined
  #scan: Scan | undefined
  #wake: (() => void) | undefined

  constructor(file: URL) {
    this.#worker = new Worker(file, { name: 'lifeboat-scan' })
    this.#worker.on('message', (message: FromScanWorker) => {
      if (message.type === 'returned') this.#free.push(message.buffer)
      else if (message.type === 'done') this.#scan = message.scan
      else this.#failure = new BackupError(message.code, message.message, { hint: message.hint })
      this.#wake?.()
    })
    this.#worker.on('error', error => {
      this.#failure = error
      this.#wake?.()
    })
  }

  async push(chunk: Uint8Array): Promise<void> {
    let at = 0
    while (at < chunk.byteLength) {
      while (this.#filling === undefined) {
        if (this.#failure) throw this.#failure
        const buffer = this.#free.pop()
        if (buffer) this.#filling = new Uint8Array(buffer)
        else await this.#change()
      }
      const take = Math.min(bufferBytes - this.#filled, chunk.byteLength - at)
      this.#filling.set(take === chunk.byteLength ? chunk : chunk.subarray(at, at + take), this.#filled)
      this.#filled += take
      at += take
      if (this.#filled === bufferBytes) this.#send()
    }
  }

  async finish(): Promise<Scan> {
    if (this.#filled > 0) this.#send()
    this.#post({ type: 'end' }, [])
    while (this.#scan === undefined) {
      if (this.#failure) throw this.#failure
      await this.#change()
    }
    return this.#scan
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #send(): void {
    const buffer = this.#filling!.buffer as ArrayBuffer
    this.#post({ type: 'bytes', buffer, length: this.#filled }, [buffer])
    this.#filling = undefined
    this.#filled = 0
  }

  #post(message: ToScanWorker, transfer: ArrayBuffer[]): void {
    this.#worker.postMessage(message, transfer)
  }

  #change(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}
