import { exitStatusMeanings } from '../exit-status.js'

/** What follows the options in every command's help. */
export function helpText(examples: readonly string[]): string {
  const statuses = exitStatusMeanings.map(([status, meaning]) => `  ${String(status).padStart(3)}  ${meaning}`)
  return ['', 'Examples:', ...examples.map(line => `  $ ${line}`), '', 'Exit statuses:', ...statuses].join('\n')
}
