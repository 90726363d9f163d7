import { randomBytes } from 'node:crypto'
import { type FileHandle, link, mkdir, open, realpath, rename, rmdir, unlink } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { BackupError } from '../errors/backup-error.js'
import type { ByteSource } from '../streams/byte-source.js'
import { untilAborted } from '../streams/until-aborted.js'

/** How the names of unfinished files begin. They lie beside their destination: only there is a rename sure to be atomic. */
export const temporaryNameStart = '.lifeboat-tmp-'

const batchBytes = 512 * 1024

/**
 * Writes `source` under a temporary name, makes it durable, then gives it its name in one step.
 * On any failure the temporary file and the folders made for it are gone again.
 */
export async function publishFile(
  root: string,
  path: string,
  source: ByteSource,
  options: { readonly ifAbsent: boolean; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const folder = dirname(path)
  const { file, temporaryPath, firstMade } = await openTemporary(root, folder)
  try {
    try {
      await writeAll(file, untilAborted(source, options.signal))
      await file.sync()
    } finally {
      await file.close()
    }
    options.signal?.throwIfAborted()
    if (options.ifAbsent) await linkOnce(temporaryPath, path)
    else await rename(temporaryPath, path)
  } catch (error) {
    await unlink(temporaryPath).catch(ignoreMissing)
    await removeEmptyFolders(root, folder)
    throw error
  }
  if (options.ifAbsent) await unlink(temporaryPath)
  await syncFolders(folder, firstMade === undefined ? folder : dirname(firstMade))
}

/** Removes `folder` and its parents below `root` as long as they are empty. */
export async function removeEmptyFolders(root: string, folder: string): Promise<void> {
  for (let at = folder; at !== root && at.startsWith(root); at = dirname(at)) {
    try {
      await rmdir(at)
    } catch {
      // Not empty, or somebody else's by now: an empty folder is no loss either way.
      return
    }
  }
}

/** @throws BackupError `store-refused` when a symbolic link leads `folder` out of `root` */
export async function assertInside(root: string, folder: string): Promise<void> {
  const away = relative(await realpath(root), await realpath(folder))
  if (away === '..' || away.startsWith(`..${sep}`)) {
    throw new BackupError('store-refused', `a symbolic link leads out of ${root}`, {
      hint: 'remove the link; a store keeps to its own folder',
    })
  }
}

async function openTemporary(root: string, folder: string) {
  let firstMade: string | undefined
  for (let attempt = 1; ; attempt++) {
    firstMade = (await mkdir(folder, { recursive: true, mode: 0o700 })) ?? firstMade
    try {
      await assertInside(root, folder)
      const temporaryPath = join(folder, `${temporaryNameStart}${randomBytes(9).toString('hex')}`)
      return { file: await open(temporaryPath, 'wx', 0o600), temporaryPath, firstMade }
    } catch (error) {
      // Somebody who removed the last object of this folder may have taken the folder along, just now.
      const gone = (error as NodeJS.ErrnoException).code === 'ENOENT'
      if (!gone || attempt === 5) throw error
    }
  }
}

/** Small chunks go out in batches, copied at once because a source may use its buffer again; large ones as they are. */
async function writeAll(file: FileHandle, source: ByteSource): Promise<void> {
  const batch = Buffer.allocUnsafeSlow(batchBytes)
  let filled = 0
  const flush = async () => {
    if (filled > 0) await writeFully(file, batch.subarray(0, filled))
    filled = 0
  }
  for await (const chunk of source) {
    if (filled + chunk.byteLength > batchBytes) await flush()
    if (chunk.byteLength >= batchBytes / 4) {
      await flush()
      await writeFully(file, chunk)
    } else {
      batch.set(chunk, filled)
      filled += chunk.byteLength
    }
  }
  await flush()
}

async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done)
    done += bytesWritten
  }
}

/** A hard link, unlike a rename, fails when the name is taken: link(2) is the atomic "create if absent". */
async function linkOnce(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw error
    throw new BackupError('store-refused', `the file system of ${dirname(to)} makes no hard links`, {
      hint: 'keep this store on a file system with hard links; creating a file only once depends on them',
      cause: error,
    })
  }
}

async function syncFolders(from: string, upTo: string): Promise<void> {
  for (let at = from; ; at = dirname(at)) {
    const folder = await open(at, 'r')
    try {
      await folder.sync()
    } catch (error) {
      // Some file systems (network, FUSE) cannot sync a folder; there the rename is as durable as it gets.
      if (!['EINVAL', 'ENOTSUP', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    } finally {
      await folder.close()
    }
    if (at === upTo || at === dirname(at)) return
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
