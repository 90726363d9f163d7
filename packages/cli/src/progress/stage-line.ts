import { oneLine } from '../render/one-line.js'
import { formatBytes, formatDuration } from '../render/quantities.js'

/** How far a stage is. */
export interface StageState {
  readonly stage: string
  readonly doneBytes: number
  /** An estimate for a dump; null when nobody can tell. */
  readonly totalBytes: number | null
  readonly bytesPerSecond: number | undefined
  readonly detail?: string | undefined
}

const barWidth = 24

/** The line that a terminal shows and overwrites. */
export function barLine(state: StageState, columns: number): string {
  const share = shareOf(state)
  const filled = Math.round((share ?? 0) * barWidth)
  const bar = share === undefined ? '' : `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} `
  return `${state.stage.padEnd(7)} ${bar}${stageLine(state)}`.slice(0, Math.max(20, columns - 1))
}

/** The same as words, for a log: `1.2 GB of 3.4 GB (35 %), 80 MB/s, 27.0 s left`. */
export function stageLine(state: StageState): string {
  const share = shareOf(state)
  const parts = [formatBytes(state.doneBytes)]
  if (share !== undefined && state.totalBytes !== null) {
    parts[0] += ` of ${formatBytes(Math.max(state.totalBytes, state.doneBytes))} (${Math.floor(share * 100)} %)`
  }
  if (state.bytesPerSecond !== undefined) parts.push(`${formatBytes(state.bytesPerSecond)}/s`)
  const left = msLeft(state)
  if (left !== undefined) parts.push(`${formatDuration(left)} left`)
  if (state.detail) parts.push(oneLine(state.detail))
  return parts.join(', ')
}

// A total that is an estimate can be passed: that is not the end yet.
function shareOf({ doneBytes, totalBytes }: StageState): number | undefined {
  if (totalBytes === null || totalBytes <= 0) return undefined
  return doneBytes > totalBytes ? 0.99 : doneBytes / totalBytes
}

function msLeft({ doneBytes, totalBytes, bytesPerSecond }: StageState): number | undefined {
  if (totalBytes === null || !bytesPerSecond || doneBytes >= totalBytes) return undefined
  return ((totalBytes - doneBytes) * 1000) / bytesPerSecond
}
