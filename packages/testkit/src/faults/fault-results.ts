import { appendFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FaultLevel } from './fault-table.js'

/** One fault, made in one way, and what caught it at one level. */
export interface FaultResult {
  /** Its number in the table. */
  readonly fault: number
  /** How the test made it: `SIGKILL at 50 % of the bytes`. */
  readonly made: string
  readonly level: FaultLevel
  /** The codes of the findings or of the error, in their order; with `(warning)` where a finding is one. */
  readonly caughtBy: readonly string[]
  /** How long it took until it was caught. */
  readonly ms: number
}

/** Healthy backups, made while the database was written to, and the findings against them: each is a false alarm. */
export interface HealthyResult {
  /** How they were made: `two writers`. */
  readonly healthy: string
  readonly level: FaultLevel
  readonly checks: number
  readonly falseAlarms: number
}

/** Where the test processes of a run leave their results; `pnpm test` empties it first. */
const folder = fileURLToPath(new URL('../../../../.faults/', import.meta.url))

/** Leaves a result for the check at the end of the test run. A test calls it after its own assertions. */
export function recordFault(result: FaultResult): void {
  append(result)
}

/** Leaves what a level said about healthy backups. */
export function recordHealthy(result: HealthyResult): void {
  append(result)
}

/** Everything that the tests of this run recorded; of the same row the newest. */
export function readResults(): { readonly faults: FaultResult[]; readonly healthy: HealthyResult[] } {
  const lines = names()
    .flatMap(name => readFileSync(join(folder, name), 'utf8').split('\n'))
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as { at: number } & (FaultResult | HealthyResult))
    .sort((a, b) => a.at - b.at)
  const faults = new Map<string, FaultResult>()
  const healthy = new Map<string, HealthyResult>()
  for (const { at: _, ...result } of lines) {
    if ('fault' in result) faults.set(`${result.fault}\0${result.made}\0${result.level}`, result)
    else healthy.set(`${result.healthy}\0${result.level}`, result)
  }
  return { faults: [...faults.values()], healthy: [...healthy.values()] }
}

function append(result: FaultResult | HealthyResult): void {
  mkdirSync(folder, { recursive: true })
  appendFileSync(join(folder, `${process.pid}.jsonl`), `${JSON.stringify({ at: Date.now(), ...result })}\n`)
}

function names(): string[] {
  try {
    return readdirSync(folder).filter(name => name.endsWith('.jsonl'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
