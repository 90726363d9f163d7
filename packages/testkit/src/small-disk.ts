import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { directory, type ObjectStore } from '@lifeboat/core'
import { faulty } from './faulty-store.js'

const run = promisify(execFile)

/** A folder store on a disk of its own. */
export interface SmallDisk {
  readonly store: ObjectStore
  /** Whether the disk is real; else the error of a full one is injected after so many bytes. */
  readonly real: boolean
  close(): Promise<void>
}

/** A folder on a disk of its own. */
export interface SmallFolder {
  readonly folder: string
  /** Whether it is on a disk of that size: where this process may mount one (root, in a container that allows it). */
  readonly real: boolean
  close(): Promise<void>
}

/** A new folder with room for `bytes`, on a file system in memory; an ordinary one where that is not allowed. */
export async function smallFolder(parent: string, bytes: number): Promise<SmallFolder> {
  const folder = await mkdtemp(join(parent, 'disk-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  } catch {
    return { folder, real: false, close: remove }
  }
  const close = async () => {
    await run('umount', [folder])
    await remove()
  }
  return { folder, real: true, close }
}

/** A folder store that has room for `bytes`: in such a folder, else with ENOSPC injected into the write that would be too much. */
export async function smallDisk(parent: string, bytes: number): Promise<SmallDisk> {
  const { folder, real, close } = await smallFolder(parent, bytes)
  // Not root, or not allowed here: the same failure, made by hand.
  return { store: real ? directory(folder) : fullAfter(directory(folder), bytes), real, close }
}

/** A store whose disk is full after so many bytes, whatever they are for. */
export function fullAfter(store: ObjectStore, bytes: number): ObjectStore {
  let written = 0
  return faulty(store, ({ step }, chunk) => {
    if (step !== 'put-chunk') return
    written += chunk!.byteLength
    if (written > bytes) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  })
}
