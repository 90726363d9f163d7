import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Measured {
  readonly seconds: number
  /** Peak resident memory of the started process itself; 0 where the system does not tell. */
  readonly peakBytes: number
  readonly stdout: string
}

/** Runs a command to its end. @throws Error with the end of its words when it fails */
export async function measure(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<Measured> {
  const started = performance.now()
  const child = spawn(command, [...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4_000)
  })
  let peakBytes = 0
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, highWaterBytes(child.pid))
  }, 50)
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  clearInterval(sampling)
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr || stdout}`)
  return { seconds: (performance.now() - started) / 1000, peakBytes, stdout }
}

/** Runs a shell pipeline of which every part must succeed. */
export function measurePipeline(script: string, environment: NodeJS.ProcessEnv): Promise<Measured> {
  return measure('bash', ['-c', `set -euo pipefail; ${script}`], environment)
}

/** `VmHWM` is a high-water mark: the last sample before the end is the peak. */
function highWaterBytes(pid: number | undefined): number {
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return line ? Number(line[1]) * 1024 : 0
  } catch {
    // The process has just ended, or the system has no /proc.
    return 0
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
