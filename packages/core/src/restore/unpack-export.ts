import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { exportScanned } from '../archive/export-scan.js'
import { readTar } from '../archive/tar-reader.js'
import { decompress } from '../codec/codec.js'
import { cancellation } from '../errors/cancelled.js'
import type { ByteSource } from '../streams/byte-source.js'

/** The files that `pg_dump -Fd` writes; anything else in an export is passed over. */
const fileNames = /^(toc\.dat|blobs(_\d+)?\.toc|[\w-]+\.dat(\.(gz|lz4|zst))?)$/

/** Unpacks the table of contents alone: a folder of which pg_restore restores definitions. */
export async function unpackExportContents(source: ByteSource, folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 })
  for await (const file of readTar(decompress(source, 'gzip'))) {
    if (!/(^|\/)toc\.dat$/.test(file.name)) continue
    await pipeline(file.body, createWriteStream(join(folder, 'toc.dat'), { mode: 0o600 }))
    return
  }
}

/**
 * Unpacks a mirrored export into a folder, where pg_restore reads it; the only restore for which rows lie on the disk, in
 * clear, while it runs. Resolves once the export was proven whole. Names are taken without their folders, so that
 * nothing is written outside.
 */
export async function unpackExport(source: ByteSource, folder: string, signal: AbortSignal | undefined): Promise<void> {
  await mkdir(folder, { mode: 0o700 })
  try {
    for await (const file of readTar(
      decompress(
        exportScanned(source, () => {}),
        'gzip',
      ),
    )) {
      const name = file.name.slice(file.name.lastIndexOf('/') + 1)
      if (fileNames.test(name))
        await pipeline(file.body, createWriteStream(join(folder, name), { mode: 0o600 }), { signal })
    }
  } catch (error) {
    throw signal?.aborted ? cancellation(signal) : error
  }
}
