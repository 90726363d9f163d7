import { constants, type Stats } from 'node:fs'
import { access, type FileHandle, lstat, open, opendir, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { BackupError } from '../errors/backup-error.js'
import { assertKey } from './assert-key.js'
import { classifyFileError } from './classify-file-error.js'
import type { ObjectStore, StoredObject, UnfinishedPut } from './object-store.js'
import { assertInside, publishFile, removeEmptyFolders, temporaryNameStart } from './publish-file.js'
import { refuseRules } from './refuse-rules.js'
import { resolveRange } from './store-range.js'

const readBytes = 512 * 1024

/**
 * A folder as an object store: one file per object, files of mode 0600, folders of mode 0700.
 *
 * The first `put` makes the folder; until then the store is empty. An object appears in one step (a synced temporary
 * file, renamed) and `ifAbsent` is atomic (a hard link). Symbolic links inside are neither listed nor followed out.
 * As in any file system `a` and `a/b` cannot both be objects; the later `put` fails as `store-refused`.
 */
export function directory(path: string): ObjectStore {
  const root = resolve(path)
  const pathOf = (key: string) => {
    assertKey(key)
    if (key.split('/').some(isTemporary)) {
      throw new BackupError('store-refused', `not a key: names that begin with ${temporaryNameStart} are set aside`)
    }
    return join(root, ...key.split('/'))
  }

  return {
    name: 'directory',
    location: root,
    capabilities: { conditionalPut: true, storageClasses: false, objectLock: false, versioning: false },

    async put(key, source, options = {}) {
      const { ifAbsent = false, signal } = options
      const path = pathOf(key)
      refuseRules(options, 'a folder')
      signal?.throwIfAborted()
      if (ifAbsent && (await fileAt(root, path)) !== undefined) throw new BackupError('object-exists', `${key} exists`)
      await publishFile(root, path, source, { ifAbsent, signal })
      return storedObject(key, await lstat(path))
    },

    async *get(key, { range, signal } = {}) {
      const path = pathOf(key)
      signal?.throwIfAborted()
      const file = await openObject(root, path, key)
      try {
        const { start, end } = resolveRange(key, (await file.stat()).size, range)
        for (let at = start; at < end; ) {
          signal?.throwIfAborted()
          const chunk = Buffer.allocUnsafe(Math.min(readBytes, end - at))
          const { bytesRead } = await file.read(chunk, 0, chunk.length, at)
          if (bytesRead === 0) throw new BackupError('object-damaged', `${key} became shorter while it was read`)
          at += bytesRead
          yield chunk.subarray(0, bytesRead)
        }
      } finally {
        await file.close()
      }
    },

    async head(key, { signal } = {}) {
      const path = pathOf(key)
      signal?.throwIfAborted()
      const found = await fileAt(root, path)
      return found && storedObject(key, found)
    },

    async *list(prefix, { signal } = {}) {
      const parents = parentsOf(prefix)
      if (parents === undefined) return
      yield* walk(root, parents, signal, { prefix })
    },

    async remove(key, { signal } = {}) {
      const path = pathOf(key)
      signal?.throwIfAborted()
      if ((await fileAt(root, path)) === undefined) return
      await unlink(path).catch((error: unknown) => {
        if (!isAbsence(error)) throw error
      })
      await removeEmptyFolders(root, dirname(path))
    },

    async *listUnfinished(prefix, { signal } = {}) {
      const parents = parentsOf(prefix)
      if (parents === undefined) return
      for await (const file of temporaryFiles(root, parents, signal)) if (file.key.startsWith(prefix)) yield file
    },

    async removeUnfinished({ handle }, { signal } = {}) {
      assertKey(handle)
      signal?.throwIfAborted()
      const path = join(root, ...handle.split('/'))
      if (!basename(path).startsWith(temporaryNameStart))
        throw new BackupError('store-refused', `${handle} is an object`)
      await assertInside(root, dirname(path)).catch(undefinedIfAbsent)
      await unlink(path).catch(undefinedIfAbsent)
      await removeEmptyFolders(root, dirname(path))
    },

    classify: classifyFileError,

    async probe({ signal } = {}) {
      signal?.throwIfAborted()
      await assertWritable(root)
    },
  }
}

function storedObject(key: string, stats: Stats): StoredObject {
  return { key, sizeBytes: stats.size, modifiedAt: stats.mtime }
}

function isAbsence(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** The regular file at a path, or undefined: a folder or a symbolic link is no object. */
async function fileAt(root: string, path: string): Promise<Stats | undefined> {
  try {
    const stats = await lstat(path)
    if (!stats.isFile()) return undefined
    await assertInside(root, dirname(path))
    return stats
  } catch (error) {
    if (isAbsence(error)) return undefined
    throw error
  }
}

async function openObject(root: string, path: string, key: string): Promise<FileHandle> {
  if ((await fileAt(root, path)) === undefined) throw await missing(root, key)
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (error) {
    throw isAbsence(error) ? await missing(root, key, error) : error
  }
}

async function missing(root: string, key: string, cause?: unknown): Promise<BackupError> {
  const rootIsThere = await stat(root).then(
    () => true,
    error => !isAbsence(error),
  )
  return new BackupError('object-missing', `${key} does not exist`, {
    hint: rootIsThere ? undefined : `the folder ${root} does not exist; check its name, and that its disk is mounted`,
    cause,
  })
}

/**
 * The folders that all keys of a prefix lie in: nothing else is looked into, as the rest of a disk may be others'.
 * Undefined: no key begins so.
 */
function parentsOf(prefix: string): readonly string[] | undefined {
  const parents = prefix.split('/').slice(0, -1)
  return parents.some(name => name === '' || name === '.' || name === '..') ? undefined : parents
}

/** Files of writes that are under way, or were when their process died; their names say nothing of the key but its folder. */
async function* temporaryFiles(
  root: string,
  parents: readonly string[],
  signal: AbortSignal | undefined,
): AsyncGenerator<UnfinishedPut> {
  for await (const { key: handle, sizeBytes, modifiedAt } of walk(root, parents, signal, { wanted: isTemporary })) {
    const folder = handle.slice(0, handle.lastIndexOf('/') + 1)
    yield { key: folder, startedAt: modifiedAt, sizeBytes, handle }
  }
}

function isTemporary(name: string): boolean {
  return name.startsWith(temporaryNameStart)
}

interface Walk {
  /** By the name of a file. Default: whatever is no temporary one. */
  readonly wanted?: (name: string) => boolean
  /** Only keys that begin with it. */
  readonly prefix?: string
}

async function* walk(
  root: string,
  names: readonly string[],
  signal: AbortSignal | undefined,
  { wanted = name => !isTemporary(name), prefix = '' }: Walk,
): AsyncGenerator<StoredObject> {
  const folder = join(root, ...names)
  const entries = await opendir(folder, { bufferSize: 256 }).catch(undefinedIfAbsent)
  if (entries === undefined) {
    if (names.length === 0) await assertNoFile(root)
    return
  }
  // A prefix may name a folder that is a link; those found on the way are passed over below.
  await assertInside(root, folder)
  for await (const entry of entries) {
    signal?.throwIfAborted()
    const inner = [...names, entry.name]
    const path = inner.join('/')
    // What lies elsewhere is not walked through: there may be much of it.
    if (entry.isDirectory() && (`${path}/`.startsWith(prefix) || prefix.startsWith(`${path}/`)))
      yield* walk(root, inner, signal, { wanted, prefix })
    if (!entry.isFile() || !wanted(entry.name) || !path.startsWith(prefix)) continue
    const stats = await lstat(join(root, ...inner)).catch(undefinedIfAbsent)
    if (stats?.isFile()) yield storedObject(path, stats)
  }
}

/** A folder that was never made holds nothing; where a file lies in its place nobody knows what should be there. */
async function assertNoFile(root: string): Promise<void> {
  const found = await stat(root).catch(() => undefined)
  if (found !== undefined && !found.isDirectory()) throw new BackupError('store-refused', `${root} is not a folder`)
}

/** What was removed while a listing ran, or was never made, is not in the listing. */
function undefinedIfAbsent(error: unknown): undefined {
  if (!isAbsence(error)) throw error
}

/** The folder, or the nearest one above that exists (`put` makes the rest), must be a folder one may write to. */
async function assertWritable(root: string): Promise<void> {
  for (let at = root; ; at = dirname(at)) {
    try {
      if (!(await stat(at)).isDirectory()) throw new BackupError('store-refused', `${at} is not a folder`)
      await access(at, constants.W_OK | constants.X_OK)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || at === dirname(at)) throw error
    }
  }
}
