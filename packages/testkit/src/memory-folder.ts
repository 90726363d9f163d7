import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { processIsAlive } from '../../core/src/process-is-alive.js'

const shared = '/dev/shm'
const prefix = 'lifeboat-tests-'
/** All tests together hold less than one at any time; the servers, which are there anyway, another one. */
const enoughBytes = 6 * 2 ** 30

/**
 * Lets the tests of this process and its children keep their temporary files in memory, where there is room and programs
 * may be started from there: making a hundred thousand files takes a disk's file system half a minute. It goes with the
 * process; what a killed one left goes with the next. A TMPDIR that is set stays.
 */
export function keepTemporaryFilesInMemory(): void {
  if (process.env.TMPDIR !== undefined || !isUsable()) return
  for (const name of readdirSync(shared)) {
    if (!name.startsWith(prefix) || processIsAlive(Number(name.slice(prefix.length)))) continue
    // Of another user it is theirs to remove.
    tryTo(() => rmSync(join(shared, name), { recursive: true, force: true }))
  }
  const folder = join(shared, `${prefix}${process.pid}`)
  mkdirSync(folder)
  // Open to all, as /tmp is: root's servers run as another user. The mask does not apply here.
  chmodSync(folder, 0o1777)
  process.env.TMPDIR = folder
  process.on('exit', () => tryTo(() => rmSync(folder, { recursive: true, force: true })))
}

function isUsable(): boolean {
  try {
    const mount = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map(line => line.split(' '))
      .findLast(([, place]) => place === shared)
    if (mount?.[2] !== 'tmpfs' || mount[3]!.split(',').includes('noexec')) return false
    const { bavail, bsize } = statfsSync(shared)
    return Math.min(bavail * bsize, freemem()) > enoughBytes
  } catch {
    // Another system: it has no such place.
    return false
  }
}

function tryTo(act: () => void): void {
  try {
    act()
  } catch {
    // It stays, as it would in /tmp.
  }
}
