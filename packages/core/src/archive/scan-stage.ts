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
  /** Of the whole archive as it left the stage. */
  readonly bytes: number
  /**
   * SHA-256 of the whole archive, lower-case hex, where the reader does not know its version or was asked for it; else
   * `null`: the hashes in the summary cover it, and rows need not be hashed twice (docs/decisions/0012-hash-once.md).
   */
  readonly sha256: string | null
}

/** What a scan is made for: to look at an archive, to hash it as a whole besides, or to write it anew with long chunks. */
export type ScanMode = 'look' | 'hash' | 'reframe'

export type FromScanWorker =
  | { readonly type: 'returned'; readonly buffer: ArrayBuffer }
  | { readonly type: 'done'; readonly scan: Scan }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined }

export type ToScanWorker =
  | { readonly type: 'bytes'; readonly buffer: ArrayBuffer; readonly length: number }
  | { readonly type: 'end' }

/** Of the buffers that go to the scanning thread and back. */
export const scanBufferBytes = 2 ** 20
const buffers = 6

/**
 * Passes an archive on unchanged and scans it on the way. The stream ends only after the archive's end was proven;
 * `done` gets the scan before that.
 * @param mode `hash` also hashes the archive as a whole
 */
export function scanned(source: ByteSource, done: (scan: Scan) => void, mode: 'look' | 'hash' = 'look'): ByteSource {
  return scanStage(source, done, mode)
}

/**
 * The same for pg_dump's own output, which has a chunk for every row: passes an equal archive on, whose chunks are as
 * long as they come. What pg_restore makes of it is the same (docs/decisions/0008-longer-chunks.md). It scans on the
 * thread that calls. Each piece is only valid until the next is asked for.
 */
export async function* reframed(source: ByteSource, done: (scan: Scan) => void): ByteSource {
  const passed: Uint8Array[] = []
  // The scanner leaves alone what it has given until it gets more.
  const scanning = new Scanning('reframe', bytes => passed.push(bytes))
  for await (const chunk of source) {
    scanning.push(chunk)
    yield* passed.splice(0)
  }
  done(scanning.finish())
}

/** On a thread of its own where the built package has its worker file beside it. */
function scanStage(source: ByteSource, done: (scan: Scan) => void, mode: 'look' | 'hash'): ByteSource {
  const file = new URL('./scan-worker.js', import.meta.url)
  return existsSync(fileURLToPath(file)) ? scanByWorker(source, done, mode, file) : scanInline(source, done, mode)
}

async function* scanInline(source: ByteSource, done: (scan: Scan) => void, mode: 'look' | 'hash'): ByteSource {
  const scanning = new Scanning(mode)
  for await (const chunk of source) {
    scanning.push(chunk)
    yield chunk
  }
  done(scanning.finish())
}

async function* scanByWorker(
  source: ByteSource,
  done: (scan: Scan) => void,
  mode: 'look' | 'hash',
  file: URL,
): ByteSource {
  const scanning = new ScanThread(file, mode)
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

/** A scanner, and what a {@link Scan} has besides its summary. */
export class Scanning {
  readonly #whole = new PassingDigest()
  readonly #scanner: ArchiveScanner
  #bytes = 0

  /** @param write gets every byte of the archive with long chunks; called with `reframe` only */
  constructor(
    readonly mode: ScanMode,
    write: (bytes: Uint8Array) => void = () => {},
  ) {
    const count = (bytes: Uint8Array) => {
      this.#bytes += bytes.byteLength
      write(bytes)
    }
    this.#scanner = new ArchiveScanner({
      unread: mode === 'hash' ? undefined : bytes => this.#whole.update(bytes),
      reframed: mode === 'reframe' ? count : undefined,
    })
  }

  /** @throws BackupError `archive-invalid` */
  push(bytes: Uint8Array): void {
    if (this.mode !== 'reframe') this.#bytes += bytes.byteLength
    if (this.mode === 'hash') this.#whole.update(bytes)
    this.#scanner.push(bytes)
  }

  /** @throws BackupError `archive-truncated` */
  finish(): Scan {
    const summary = this.#scanner.finish()
    const hashed = this.mode === 'hash' || summary.unknownBecause !== null
    return { summary, bytes: this.#bytes, sha256: hashed ? this.#whole.sha256 : null }
  }
}

/** One scanning thread, fed with copies of the chunks through a fixed pool of buffers. */
class ScanThread {
  readonly #worker: Worker
  readonly #free: ArrayBuffer[] = Array.from({ length: buffers }, () => new ArrayBuffer(scanBufferBytes))
  #filling: Uint8Array | undefined
  #filled = 0
  #failure: Error | undefined
  #scan: Scan | undefined
  #wake: (() => void) | undefined

  constructor(file: URL, mode: 'look' | 'hash') {
    this.#worker = new Worker(file, { name: 'lifeboat-scan', workerData: mode })
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
      const take = Math.min(scanBufferBytes - this.#filled, chunk.byteLength - at)
      this.#filling.set(take === chunk.byteLength ? chunk : chunk.subarray(at, at + take), this.#filled)
      this.#filled += take
      at += take
      if (this.#filled === scanBufferBytes) this.#send()
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
