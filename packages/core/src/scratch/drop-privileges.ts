import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BackupError } from '../errors/backup-error.js'

/** A user that is not root. Its `uid` and `gid` go to `spawn` as they are. */
export interface PlainUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/**
 * The user to run a server as, or undefined when this process is not root and runs it as itself. Postgres refuses root.
 * @throws BackupError `tool-missing` when root has neither `postgres` nor `nobody` to run it as
 */
export async function serverUser(): Promise<PlainUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '')
  for (const name of ['postgres', 'nobody']) {
    const user = parseUser(users, name)
    if (user !== undefined && user.uid !== 0) return user
  }
  throw new BackupError(
    'tool-missing',
    'a Postgres server does not run as root, and this machine has no other user for it',
    {
      hint: 'add the user nobody or postgres, or run this as a user that is not root',
    },
  )
}

function parseUser(users: string, name: string): PlainUser | undefined {
  const fields = users
    .split('\n')
    .map(line => line.split(':'))
    .find(line => line[0] === name)
  const [uid, gid] = [Number(fields?.[2] ?? Number.NaN), Number(fields?.[3] ?? Number.NaN)]
  return Number.isInteger(uid) && Number.isInteger(gid) ? { name, uid, gid } : undefined
}

/** Whether `user` may pass through `folder` and every folder above it (mode bits only; access lists are not read). */
export async function canReach(folder: string, user: PlainUser): Promise<boolean> {
  for (let current = folder; ; current = dirname(current)) {
    const { mode, uid, gid } = await stat(current)
    const search = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
    if ((mode & search) === 0) return false
    if (current === dirname(current)) return true
  }
}
