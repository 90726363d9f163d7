import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { reframed, type Scan } from '../archive/scan-stage.js'
import { type CodecName, compress } from '../codec/codec.js'
import type { EventListener } from '../events/backup-event.js'
import { progressing } from '../events/progressing.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import type { ByteSource } from '../streams/byte-source.js'
import { type DumpOptions, dumpSource } from './dump-source.js'
import { DumpThread } from './dump-thread.js'

/** A dump that is to be made and packed; plain data, which goes to another thread as it is. */
export interface DumpWork {
  readonly target: ConnectionTarget
  readonly options: Omit<DumpOptions, 'signal'>
  readonly compression: { readonly codec: CodecName; readonly level: number }
  /** A guess of the dump's length, for those who watch it. */
  readonly expectedBytes: number
}

export interface Packing {
  /** Gets the scan once the archive's end was proven, before the stream ends. */
  readonly done: (scan: Scan) => void
  readonly emit: EventListener
  readonly signal: AbortSignal | undefined
}

/** What is to pack one dump. */
export interface DumpPacker {
  /** @throws BackupError `dump-failed`, `tool-missing`, `archive-invalid`, `archive-truncated`, `cancelled` */
  pack(work: DumpWork, packing: Packing): ByteSource
  /** Lets go of what was prepared. Needed also where nothing was packed. */
  close(): Promise<void>
}

/**
 * Gets ready to run pg_dump and pack its output: scanned, with its rows in longer chunks, and compressed. All of that
 * runs on a thread of its own where the built package has its worker file beside it (docs/decisions/0003-scan-thread.md).
 */
export function prepareDump(): DumpPacker {
  const file = new URL('./dump-worker.js', import.meta.url)
  return existsSync(fileURLToPath(file)) ? new DumpThread(file) : { pack: packHere, close: async () => {} }
}

/** Packs a dump on the thread that calls. */
export function packHere(work: DumpWork, { done, emit, signal }: Packing): ByteSource {
  const dump = dumpSource(work.target, { ...work.options, signal })
  const watched = progressing(dump, { stage: 'dump', totalBytes: work.expectedBytes, emit })
  return compress(reframed(watched, done), work.compression)
}
