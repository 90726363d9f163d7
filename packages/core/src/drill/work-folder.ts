import { createHash } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { processIsAlive } from '../process-is-alive.js'
import { chooseDiskParent, diskFolders } from '../scratch/choose-parent-folder.js'
import { serverUser } from '../scratch/drop-privileges.js'

/*
 * Everything that a drill writes on this machine lies in one folder, whose name says which process of which
 * machine made it: what was killed between making a folder and writing into it has an owner, too. A drill that was killed leaves at most this folder and processes that were given a path in it; the next drill finds both.
 */

const prefix = 'lifeboat-drill-'
const pattern = /^lifeboat-drill-(\d+)-(\d+)-([0-9a-f]{8})-[A-Za-z0-9]{6}$/
/** For whoever finds the folder. */
const recordName = 'owner.json'
const goneWithinMs = 10_000

export interface WorkFolder {
  readonly path: string
  remove(): Promise<void>
}

/** Makes the folder of a drill, reachable by the user that a scratch server runs as. */
export async function makeWorkFolder(owner: {
  readonly product: string
  readonly startedAt: string
}): Promise<WorkFolder> {
  const parent = await chooseDiskParent(await serverUser())
  const owned = `${process.pid}-${await startOf(process.pid)}-${hostMark(hostname())}`
  const path = await mkdtemp(join(parent, `${prefix}${owned}-`))
  try {
    await chmod(path, 0o711)
    const record = { ...owner, pid: process.pid, host: hostname(), tool: 'lifeboat' }
    await writeFile(join(path, recordName), `${JSON.stringify(record)}\n`, { mode: 0o600 })
  } catch (error) {
    await rm(path, { recursive: true, force: true })
    throw error
  }
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) }
}

/** Ends what drills that were killed left on this machine. Returns the folders that are gone now. */
export async function sweepWorkFolders(): Promise<string[]> {
  const removed: string[] = []
  for (const parent of new Set(diskFolders())) {
    // A parent that this machine does not have holds nothing.
    for (const name of await readdir(parent).catch(() => [])) {
      const folder = join(parent, name)
      if (!(await isLeftOver(folder))) continue
      await endProcessesOf(folder)
      try {
        await rm(folder, { recursive: true, force: true, maxRetries: 3 })
        removed.push(folder)
      } catch {
        // Another user's, who sweeps it: what that one left must not keep this drill from being held.
      }
    }
  }
  return removed
}

async function isLeftOver(folder: string): Promise<boolean> {
  const match = pattern.exec(basename(folder))
  // A folder that machines share: whether the process of another one lives, that one knows.
  if (match === null || match[3] !== hostMark(hostname())) return false
  const pid = Number(match[1])
  return !(processIsAlive(pid) && (match[2] === '0' || (await startOf(pid)) === match[2]))
}

/** A machine in a name that people can read past. */
export function hostMark(host: string): string {
  return createHash('sha256').update(host).digest('hex').slice(0, 8)
}

/** When a process began, in the kernel's ticks; `0` where that cannot be asked. Together with the number it is unique. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return /\) (?:\S+ ){19}(\d+)/.exec(stat)?.[1] ?? '0'
}

/** Programs of ours that were given a path in the folder. A server's children go with it. */
const programs = new Set(['postgres', 'initdb', 'pg_restore'])

async function endProcessesOf(folder: string): Promise<void> {
  const users = async () => (await processesNaming(folder)).filter(processIsAlive)
  const signal = (pid: number, name: NodeJS.Signals) => {
    try {
      process.kill(pid, name)
    } catch {
      // Gone between the look and the signal.
    }
  }
  // An immediate shutdown for a server; its folder is not needed any more.
  for (const pid of await users()) signal(pid, 'SIGQUIT')
  const deadline = Date.now() + goneWithinMs
  while ((await users()).length > 0 && Date.now() < deadline) await sleep(20)
  for (const pid of await users()) signal(pid, 'SIGKILL')
}

async function processesNaming(folder: string): Promise<number[]> {
  const found = await serverPids(folder)
  // Without /proc the servers' own pid files are what there is.
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    const words = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    const [program] = words.split('\0', 1)
    if (programs.has(basename(program ?? '')) && words.includes(`${folder}/`)) found.push(Number(name))
  }
  return [...new Set(found)]
}

async function serverPids(folder: string): Promise<number[]> {
  if (process.platform === 'linux') return []
  const pids: number[] = []
  for (const name of await readdir(folder).catch(() => [])) {
    const file = await readFile(join(folder, name, 'cluster', 'postmaster.pid'), 'utf8').catch(() => '')
    const pid = Number.parseInt(file, 10)
    if (pid > 1) pids.push(pid)
  }
  return pids
}
