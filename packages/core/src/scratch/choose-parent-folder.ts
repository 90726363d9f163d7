import { access, constants, realpath, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { BackupError } from '../errors/backup-error.js'
import { canReach, type PlainUser } from './drop-privileges.js'

const memoryFolder = '/dev/shm'
const enoughMemoryBytes = 1024 ** 3

/** Where a throw-away cluster goes: `wanted`, else memory when there is more than 1 GiB of it free, else the disk. */
export async function chooseClusterParent(wanted: string | undefined, user: PlainUser | undefined): Promise<string> {
  if (wanted !== undefined) return await firstUsable([resolve(wanted)], user)
  const inMemory = (await freeBytes(memoryFolder)) > enoughMemoryBytes
  return await firstUsable([...(inMemory ? [memoryFolder] : []), ...diskFolders()], user)
}

/** Where programs may be put: never /dev/shm, from which containers do not let them run. */
export async function chooseProgramParent(user: PlainUser | undefined, wanted?: string): Promise<string> {
  const first = wanted === undefined || wanted.startsWith(memoryFolder) ? [] : [resolve(wanted)]
  return await firstUsable([...first, ...diskFolders()], user)
}

/** Where a cluster that may be large goes: a disk. */
export async function chooseDiskParent(user: PlainUser | undefined): Promise<string> {
  return await firstUsable(diskFolders(), user)
}

/** The places that {@link chooseDiskParent} chooses from. */
export function diskFolders(): string[] {
  return process.platform === 'win32' ? [tmpdir()] : [tmpdir(), '/tmp', '/var/tmp']
}

async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    // Not there (macOS, Windows): no memory to use.
    return 0
  }
}

async function firstUsable(folders: readonly string[], user: PlainUser | undefined): Promise<string> {
  for (const folder of folders) {
    try {
      const real = await realpath(folder)
      await access(real, constants.W_OK | constants.X_OK)
      if (user === undefined || (await canReach(real, user))) return real
    } catch {
      // Not there or not ours to write to: the next one; the error below names them all.
    }
  }
  const reader = user === undefined ? '' : ` and that the user ${user.name} can reach`
  throw new BackupError(
    'unexpected',
    `no folder to write a scratch server into${reader}: tried ${folders.join(', ')}`,
    {
      hint: 'set TMPDIR to a folder that is open to other users, such as /tmp',
    },
  )
}
