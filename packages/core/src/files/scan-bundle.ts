import { createHash } from 'node:crypto'
import type { Artifact } from '../repository/manifest.js'
import type { ByteSource } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import { Handover } from '../streams/handover.js'
import { type BundleEntry, readBundle } from './read-bundle.js'

/** What a bundle holds, as it was read. */
export type BundleSummary = Pick<
  NonNullable<Artifact['files']>,
  'files' | 'folders' | 'links' | 'bytes' | 'entriesSha256'
>

export interface BundleScan {
  readonly summary: BundleSummary
  /** Of the whole archive. */
  readonly bytes: number
  readonly sha256: string
}

/**
 * Passes a bundle on unchanged and reads it on the way, every entry to its end. The stream ends only after the archive's own
 * end was proven; `done` gets the scan before that.
 * @param whole hashes the archive as it is
 * @throws BackupError `archive-truncated`, `archive-invalid`
 */
export async function* bundleScanned(
  source: ByteSource,
  done: (scan: BundleScan) => void,
  whole = new PassingDigest(),
): ByteSource {
  const passing = new Handover()
  const scanning = scanEntries(passing.read()).catch((error: unknown) => {
    passing.fail(error)
    throw error
  })
  // Met where the source ends; until then it must not count as unhandled.
  scanning.catch(() => {})
  try {
    for await (const chunk of source) {
      whole.update(chunk)
      await passing.give(chunk)
      yield chunk
    }
    passing.end()
    done({ summary: await scanning, bytes: whole.bytes, sha256: whole.sha256 })
  } finally {
    passing.end()
    // Its failure is thrown already, or the one that led here is the one to report.
    await scanning.catch(() => {})
  }
}

async function scanEntries(source: ByteSource): Promise<BundleSummary> {
  const entries = new EntriesDigest()
  for await (const entry of readBundle(source, salt => entries.salt(salt))) {
    const body = new PassingDigest()
    for await (const chunk of entry.body) body.update(chunk)
    entries.add(entry, body.sha256)
  }
  return entries.finish()
}

/** Counts the entries of a bundle and hashes them together, one after the other. */
export class EntriesDigest {
  readonly #hash = createHash('sha256')
  readonly #counts = { file: 0, folder: 0, link: 0, other: 0 }
  #bytes = 0

  salt(bytes: Uint8Array): void {
    this.#hash.update(bytes)
  }

  /** @param bodySha256 of what is stored of a file: its content, or the map and what it names */
  add(entry: Omit<BundleEntry, 'body'>, bodySha256: string): void {
    this.#counts[entry.kind]++
    if (entry.kind === 'file') this.#bytes += entry.sizeBytes
    const { kind, mode, sizeBytes } = entry
    this.#hash.update(
      `${kind} ${mode.toString(8)} ${sizeBytes} ${bodySha256} ${entry.name.length} ${entry.target.length}\n`,
    )
    this.#hash.update(entry.name)
    this.#hash.update(entry.target)
  }

  finish(): BundleSummary {
    const { file: files, folder: folders, link: links } = this.#counts
    return { files, folders, links, bytes: this.#bytes, entriesSha256: this.#hash.digest('hex') }
  }
}
