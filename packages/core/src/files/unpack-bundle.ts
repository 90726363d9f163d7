import { throwIfCancelled } from '../errors/cancelled.js'
import type { ByteSource } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import { type BundleEntry, readBundle } from './read-bundle.js'
import { type BundleSummary, EntriesDigest } from './scan-bundle.js'
import { TargetFolder } from './target-folder.js'
import { writeFileEntry } from './write-file-entry.js'

export interface UnpackOptions {
  /** Exists, and no link is in its path. */
  readonly folder: string
  /** Replace files and links that are there. Never a folder, and never through a link. */
  readonly overwrite: boolean
  /** Keep the set-user-id, set-group-id and sticky bits. */
  readonly specialBits: boolean
  /** Whether an entry is wanted. */
  readonly wants: (name: string) => boolean
  readonly onWarning: (message: string) => void
  readonly signal?: AbortSignal | undefined
}

export interface Unpacked {
  /** What the whole bundle holds. */
  readonly whole: BundleSummary
  /** What of it was written, and read again to see that it is the same. */
  readonly written: { readonly files: number; readonly folders: number; readonly links: number; readonly bytes: number }
}

/**
 * Unpacks a bundle into a folder, and never outside of it: names that lead out are refused, nothing is written through a link,
 * and nothing that is there is replaced unless told. Each file is read again once it is written. The bundle is read to its
 * proven end, whatever is wanted of it.
 * @throws BackupError `archive-invalid`, `archive-truncated`, `target-not-empty`, `restore-failed`
 */
export async function unpackBundle(source: ByteSource, options: UnpackOptions): Promise<Unpacked> {
  const target = new TargetFolder(options)
  const whole = new EntriesDigest()
  const written = { files: 0, folders: 0, links: 0, bytes: 0 }
  let bits = 0
  for await (const entry of readBundle(source, salt => whole.salt(salt))) {
    throwIfCancelled(options.signal)
    target.checkName(entry.name)
    const body = new PassingDigest()
    const passing = { ...entry, body: body.through(entry.body) }
    if (entry.kind === 'folder') target.note(entry)
    if (options.wants(entry.name.toString())) await write(passing, body)
    for await (const _ of passing.body) {
      // What was not wanted belongs to the proof all the same.
    }
    whole.add(entry, body.sha256)
  }
  written.folders = await target.finish()
  if (bits > 0)
    options.onWarning(
      `set-user-id, set-group-id or sticky bits were left out of ${bits} files; --special-bits keeps them`,
    )
  return { whole: whole.finish(), written }

  async function write(entry: BundleEntry, body: PassingDigest): Promise<void> {
    if (entry.kind === 'file') {
      if (!options.specialBits && (entry.mode & 0o7000) !== 0) bits++
      await target.place(entry, path =>
        writeFileEntry(path, entry, { body, specialBits: options.specialBits, signal: options.signal }),
      )
      written.files++
      written.bytes += entry.sizeBytes
    } else if (entry.kind === 'link') {
      await target.placeLink(entry)
      written.links++
    } else if (entry.kind === 'folder') await target.make(entry.name)
    else options.onWarning(`${JSON.stringify(entry.name.toString())} is neither file, folder nor link, and is left out`)
  }
}
