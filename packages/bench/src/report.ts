import { cpus, totalmem } from 'node:os'
import { median } from './measure.ts'

/** All runs of one way to do a job. */
export interface Timing {
  readonly name: string
  readonly seconds: readonly number[]
  readonly peakBytes: number
  readonly storedBytes: number
}

/** A table of medians, and of ratios to the row that is the yardstick. */
export function timingTable(title: string, timings: readonly Timing[], yardstick: string): string {
  const base = timings.find(timing => timing.name === yardstick)
  if (!base) throw new Error(`no timing named ${yardstick}`)
  const rows = timings.map(timing => {
    const seconds = median(timing.seconds)
    const ratio = median(base.seconds) / seconds
    const peak = timing.peakBytes > 0 && timing.name.startsWith('lifeboat') ? `${mib(timing.peakBytes)} MiB` : ''
    const stored = timing.storedBytes > 0 ? `${(timing.storedBytes / 2 ** 20).toFixed(1)} MiB` : ''
    // A bar inside a cell would end it.
    return `| ${timing.name.replaceAll('|', '\\|')} | ${seconds.toFixed(1)} | ${ratio.toFixed(2)} | ${stored} | ${peak} | ${timing.seconds.map(one => one.toFixed(1)).join(', ')} |`
  })
  return [
    `### ${title}`,
    '',
    '| way | seconds (median) | times as fast as the yardstick | stored | peak memory | each run |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    `Yardstick: \`${yardstick}\`.`,
    '',
  ].join('\n')
}

export function machineLine(): string {
  return `Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB of memory.`
}

export function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}
