import type { FaultResult, HealthyResult } from './fault-results.js'
import type { Fault, FaultLevel } from './fault-table.js'

/** What a test run found. */
export interface FaultRun {
  readonly faults: readonly FaultResult[]
  readonly healthy: readonly HealthyResult[]
}

/** What is wrong with a run in itself: rows of the table without a result, results without a row, false alarms. */
export function judgeRun(table: readonly Fault[], { faults, healthy }: FaultRun): string[] {
  const problems: string[] = []
  for (const { number, words, caughtAt, open } of table) {
    for (const level of caughtAt) {
      const results = faults.filter(one => one.fault === number && one.level === level)
      if (open === undefined && results.length === 0) problems.push(`${number} (${words}): nothing at ${level}`)
      if (open !== undefined && results.length > 0) problems.push(`${number} is caught at ${level} but marked as open`)
    }
  }
  for (const { fault, made, level, caughtBy } of faults) {
    if (!table.some(one => one.number === fault)) problems.push(`${fault} (${made}) is not in the table`)
    if (caughtBy.length === 0) problems.push(`${fault} (${made}): not caught at ${level}`)
  }
  for (const level of ['listed', 'stored', 'content'])
    if (!healthy.some(one => one.level === level)) problems.push(`no healthy backup was verified at ${level}`)
  for (const { healthy: made, level, falseAlarms } of healthy)
    if (falseAlarms > 0) problems.push(`${falseAlarms} false alarms at ${level} (${made})`)
  return problems
}

const order: readonly FaultLevel[] = [
  ...([
    'start',
    'backup',
    'lock',
    'partial',
    'listed',
    'stored',
    'content',
    'restored',
    'status',
    'prune',
    'plan',
  ] as const),
  'restore',
]

/** The document of a run. */
export function renderFaults(table: readonly Fault[], { faults, healthy }: FaultRun): string {
  const open = table.filter(one => one.open !== undefined)
  const checks = healthy.reduce((sum, one) => sum + one.checks, 0)
  const alarms = healthy.reduce((sum, one) => sum + one.falseAlarms, 0)
  const rows = [...faults]
    .sort(
      (a, b) =>
        a.fault - b.fault ||
        order.indexOf(a.level) - order.indexOf(b.level) ||
        a.made.localeCompare(b.made, 'en', { numeric: true }),
    )
    .map(one => [`${one.fault}`, one.made, one.level, codes(one.caughtBy), `${Math.round(one.ms)}`])
  return [
    '# Faults',
    '',
    'Written by `pnpm run faults:write` from the results of the last test run; do not edit. `pnpm test` makes every one of these',
    'faults, and fails when a row is missing, is not caught, or is caught by something else than here. Times are milliseconds of the run',
    'that wrote this, on its machine; they say nothing more.',
    '',
    `**${table.length - open.length} of ${table.length} faults are caught, made in ${rows.length} ways. ${alarms} false alarms in ${checks} checks of healthy backups.**`,
    ...open.map(one => `Open: ${one.number}, ${one.words}: ${one.open}.`),
    '',
    'Levels: `start`, `backup`, `lock`, `partial`, `prune`, `plan` (of a restore) and `restore` are the commands themselves, which refuse; `listed`,',
    '`stored`, `content` and `restored` (a drill) are levels of `verify`, where each finding is critical unless it says otherwise; `status` is that command. The codes are those of',
    '[errors.md](errors.md), and events where a command goes on; for 17 and 21 they say what still held.',
    '',
    '## The table',
    '',
    ...grid(
      ['#', 'fault', 'caught at'],
      table.map(one => [`${one.number}`, one.words, one.open === undefined ? one.caughtAt.join(', ') : 'open']),
    ),
    '',
    '## As the tests make them',
    '',
    ...grid(['#', 'made', 'level', 'caught by', 'ms'], rows),
    '',
    '## No false alarms',
    '',
    ...grid(
      ['backups made under', 'level', 'checks', 'false alarms'],
      [...healthy]
        .sort((a, b) => a.healthy.localeCompare(b.healthy) || order.indexOf(a.level) - order.indexOf(b.level))
        .map(one => [one.healthy, one.level, `${one.checks}`, `${one.falseAlarms}`]),
    ),
    '',
  ].join('\n')
}

/** A document without the times, which do not count as a difference. */
export function withoutTimes(document: string): string {
  return document.replace(/^(\| \d+ \|.*\|) \d+ \|$/gm, '$1 |')
}

function codes(caughtBy: readonly string[]): string {
  return caughtBy.map(code => code.replace(/^[\w.-]+/, '`$&`')).join(', ')
}

function grid(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)]
}
