import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { PlainUser } from './drop-privileges.js'
import { executable, type ServerBinaries, serverEnvironment } from './server-binaries.js'

const killAfterMs = 10_000

export interface ServerLaunch {
  readonly binaries: ServerBinaries
  readonly user: PlainUser | undefined
  readonly folder: string
  readonly cluster: string
  readonly port: number
  readonly settings: Readonly<Record<string, string>>
}

/** A running postmaster. */
export interface ServerProcess {
  readonly pid: number | undefined
  hasEnded(): boolean
  /** The server's own log, as far as it is written. */
  log(): string
  /** Immediate shutdown: nobody will start this cluster again, so nothing has to be written. Resolves when the process is gone. */
  stop(): Promise<void>
}

/** Starts `postgres` on 127.0.0.1; the caller waits until it answers. */
export function startServerProcess(launch: ServerLaunch): ServerProcess {
  const { binaries, user, folder, cluster, port } = launch
  const logFile = join(folder, 'postgres.log')
  const settings = {
    ...launch.settings,
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const log = openSync(logFile, 'a', 0o600)
  const child = spawn(join(binaries.binFolder, executable('postgres')), ['-D', cluster, ...args], {
    cwd: folder,
    env: serverEnvironment(binaries),
    stdio: ['ignore', log, log],
    // Its own process group: Ctrl-C in a terminal is for us to act on, not for the server.
    detached: process.platform !== 'win32',
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  })
  closeSync(log)
  child.unref()

  let ended = false
  const gone = new Promise<void>(resolve => {
    const end = () => {
      ended = true
      process.off('exit', killNow)
      // A number in a stale pid file may soon belong to another process: the guard must not find it.
      rmSync(join(cluster, 'postmaster.pid'), { force: true })
      resolve()
    }
    child.once('exit', end)
    child.once('error', end)
  })
  const killNow = () => {
    if (!ended) child.kill('SIGQUIT')
  }
  process.on('exit', killNow)

  return {
    pid: child.pid,
    hasEnded: () => ended,
    log: () => readFileSync(logFile, 'utf8'),
    stop: async () => {
      if (ended) return
      child.ref()
      child.kill('SIGQUIT')
      const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
      await gone
      clearTimeout(timer)
    },
  }
}
