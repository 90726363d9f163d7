import { totalmem } from 'node:os'

/** What a drill gives the server that it starts, beside what every scratch server has; for whoever compares with one. */
export function drillServerSettings(): Readonly<Record<string, string>> {
  return { max_connections: '100', maintenance_work_mem: `${sortMemoryMiB(totalmem())}MB` }
}

/** What each of two index builds may sort in, so that it need not go to the disk: a sixteenth of the machine, within bounds. */
function sortMemoryMiB(machineBytes: number): number {
  return Math.min(512, Math.max(64, Math.floor(machineBytes / 16 / 2 ** 20)))
}
