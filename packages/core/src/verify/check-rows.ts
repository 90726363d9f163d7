import type { Finding } from '../api/verification.js'
import type { Manifest } from '../repository/manifest.js'
import { critical } from './finding.js'
import { rowsOf } from './rows-of.js'

/** Below this many rows a fraction means nothing: a queue of three jobs may well be one of one job an hour later. */
const fewest = 100

/**
 * Compares the rows of a backup with those of the one before it: all of them together, and each critical table. Fewer
 * than half is a loss until somebody says otherwise; none at all is, however few there were. Only the backup before
 * counts, so that a purge that was meant is said once (docs/decisions/0015-rows-against-the-backup-before.md).
 */
export function judgeRows(manifest: Manifest, before: Manifest, criticalTables: readonly string[]): Finding[] {
  const [now, then] = [allRows(manifest), allRows(before)]
  if (now === undefined || then === undefined) return []
  const findings = hasDropped(now, then) ? [dropped('the backup', now, before, then)] : []
  for (const name of criticalTables) {
    const [left, had] = [rowsOf(manifest, name), rowsOf(before, name)]
    // One that is missing or empty has a finding of its own.
    if (left && had !== undefined && hasDropped(left, had))
      findings.push(dropped(`the critical table ${name}`, left, before, had))
  }
  return findings
}

function hasDropped(now: number, before: number): boolean {
  return now === 0 ? before > 0 : before >= fewest && now < before / 2
}

function allRows({ tables }: Manifest): number | undefined {
  return tables?.reduce((sum, table) => sum + table.rows, 0)
}

function dropped(what: string, rows: number, { id, product }: Manifest, before: number): Finding {
  return critical(
    'rows-dropped',
    `${what} has ${rows} rows, the one before it (${product}/${id}) ${before}`,
    'see whether the source lost them; if it was meant, the next backup is compared with this one',
  )
}
