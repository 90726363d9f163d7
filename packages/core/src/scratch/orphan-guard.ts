import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Waits for the end of its standard input, which comes when the parent is gone, however it went; then stops the
 * server (by the pid file it wrote itself) and removes the folders.
 */
const script = `
cat >/dev/null
cluster=$1
pid=$(head -n 1 "$cluster/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -QUIT "$pid" 2>/dev/null
  tries=0
  while kill -0 "$pid" 2>/dev/null && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
fi
shift
rm -rf -- "$@"
`

export interface OrphanGuard {
  /** Ends the guard without its work being done. */
  dismiss(): Promise<void>
}

/** Leaves no server and no folder behind a parent that was killed. Does nothing on Windows, which has no `sh`. */
export function startOrphanGuard(cluster: string, folders: readonly string[]): OrphanGuard {
  if (process.platform === 'win32') return { dismiss: async () => {} }
  const child: ChildProcess = spawn('/bin/sh', ['-c', script, 'lifeboat-orphan-guard', cluster, ...folders], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    // Its own process group: Ctrl-C in a terminal must not end it before its work.
    detached: true,
  })
  // Losing the guard loses a safety net only, never the server.
  child.on('error', () => {})
  child.stdin?.on('error', () => {})
  child.unref()
  ;(child.stdin as unknown as { unref?: () => void } | null)?.unref?.()
  return {
    dismiss: async () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.ref()
      // The whole group: `cat` is the one that waits.
      process.kill(-child.pid, 'SIGKILL')
      await ended
    },
  }
}
