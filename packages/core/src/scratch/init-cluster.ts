import { execFile } from 'node:child_process'
import { chown, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import type { PlainUser } from './drop-privileges.js'
import { executable, type ServerBinaries, serverEnvironment } from './server-binaries.js'

const run = promisify(execFile)

/** The one role of a scratch cluster, a superuser, where no other name is asked for. */
export const scratchUser = 'postgres'

export interface ClusterPlan {
  readonly binaries: ServerBinaries
  readonly user: PlainUser | undefined
  /** The server's own folder, which it may write to. */
  readonly folder: string
  readonly superuser: string
  readonly password: string
  readonly signal: AbortSignal | undefined
}

/** Makes a new cluster: UTF-8, password logins only. Returns its data folder. */
export async function initCluster(plan: ClusterPlan): Promise<string> {
  const cluster = join(plan.folder, 'cluster')
  const passwordFile = join(plan.folder, 'password')
  await writeFile(passwordFile, plan.password, { mode: 0o600, flag: 'wx' })
  try {
    if (plan.user !== undefined) await chown(passwordFile, plan.user.uid, plan.user.gid)
    try {
      await initdb(plan, cluster, passwordFile, 'C.UTF-8')
    } catch {
      // Not every system has C.UTF-8 (older macOS); C is everywhere. The second failure is the one reported.
      if (plan.signal?.aborted) throw cancellation(plan.signal)
      await rm(cluster, { recursive: true, force: true })
      await initdb(plan, cluster, passwordFile, 'C')
    }
    return cluster
  } catch (error) {
    if (plan.signal?.aborted) throw cancellation(plan.signal)
    throw new BackupError('unexpected', `initdb of Postgres ${plan.binaries.version} failed in ${plan.folder}`, {
      hint: 'check free space and the permissions of that folder',
      cause: error,
    })
  } finally {
    await rm(passwordFile, { force: true })
  }
}

async function initdb(plan: ClusterPlan, cluster: string, passwordFile: string, locale: string): Promise<void> {
  const { binaries, user, folder, signal } = plan
  await run(
    join(binaries.binFolder, executable('initdb')),
    [
      `--pgdata=${cluster}`,
      `--username=${plan.superuser}`,
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      `--locale=${locale}`,
      '--no-sync',
    ],
    {
      cwd: folder,
      env: serverEnvironment(binaries),
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
      ...(signal === undefined ? {} : { signal }),
    },
  )
}
