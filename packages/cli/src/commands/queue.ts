import type { RunRow } from '@lifeboat/core/queue'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult, parseCount } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { openRunQueue, queueOption } from '../open-run-queue.js'
import { helpText } from '../render/help-text.js'
import { oneLine } from '../render/one-line.js'
import { formatAge } from '../render/quantities.js'
import { type Column, renderTable } from '../render/table.js'
import type { Session } from '../session.js'
import { UsageError } from '../usage-error.js'

export function defineQueue(program: Command, choose: Choose): void {
  const queue = program
    .command('queue')
    .description('look at the queue that workers share, and let what failed be tried again')
    .addHelpText(
      'after',
      helpText(['lifeboat queue list --open', 'lifeboat queue retry 0b2f0c0e-8a35-4d3b-9f56-3f2f1f9d2c11']),
    )
  addCommand(queue, 'list', 'list runs, those that were due last first', [
    'lifeboat queue list',
    'lifeboat queue list shop --open',
    'lifeboat queue list --json | jq \'.runs[] | select(.state == "failed")\'',
  ])
    .argument('[products...]', 'only these')
    .option('--open', 'only what waits or runs')
    .option('--limit <n>', 'at most so many (default: 100)', parseCount)
    .addOption(queueOption())
    .action((products: string[], flags: { open?: boolean; limit?: number; queue: string }) =>
      choose(session => list(session, products, flags)),
    )
  addCommand(queue, 'retry', 'let runs that failed for good wait for a worker again', [
    'lifeboat queue retry 0b2f0c0e-8a35-4d3b-9f56-3f2f1f9d2c11',
  ])
    .argument('<ids...>', 'as `lifeboat queue list` shows them')
    .addOption(queueOption())
    .action((ids: string[], flags: { queue: string }) => choose(session => retry(session, ids, flags)))
}

async function list(
  session: Session,
  products: readonly string[],
  flags: { readonly open?: boolean; readonly limit?: number; readonly queue: string },
): Promise<CommandResult> {
  const queue = await openRunQueue(session.io, flags.queue)
  try {
    const { open, limit } = flags
    const runs = await queue.list({ ...(products.length > 0 ? { products } : {}), open, limit })
    if (runs.length === 0) session.say('the queue has no such runs')
    const lines = runs.length === 0 ? [] : renderTable(columnsAt(session.now().getTime()), runs, session.colours.bold)
    return { status: exitStatus.done, document: { runs }, lines }
  } finally {
    await queue.close()
  }
}

async function retry(
  session: Session,
  ids: readonly string[],
  flags: { readonly queue: string },
): Promise<CommandResult> {
  const odd = ids.find(id => !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id))
  if (odd !== undefined)
    throw new UsageError(`not the id of a run: ${oneLine(odd)}`, '`lifeboat queue list` shows the ids')
  const queue = await openRunQueue(session.io, flags.queue)
  try {
    const retried: string[] = []
    for (const id of ids) {
      if (await queue.retry(id)) retried.push(id)
      else session.warn(`no run ${id} has failed for good`)
    }
    return {
      status:
        retried.length === ids.length ? exitStatus.done : retried.length > 0 ? exitStatus.partial : exitStatus.failed,
      document: { retried },
      lines: retried.map(id => `${id} waits for a worker again`),
    }
  } finally {
    await queue.close()
  }
}

function columnsAt(nowMs: number): readonly Column<RunRow>[] {
  const stamp = (date: Date) => date.toISOString().replace(/\.\d+Z$/, 'Z')
  return [
    { title: 'PRODUCT', cell: run => oneLine(run.product) },
    { title: 'JOB', cell: run => oneLine(run.job) },
    { title: 'DUE', cell: run => stamp(run.dueAt) },
    { title: 'STATE', cell: run => run.state },
    { title: 'ATTEMPTS', align: 'right', cell: run => String(run.attempts) },
    { title: 'WORKER', cell: run => oneLine(run.worker ?? '') },
    { title: 'ID', cell: run => run.id },
    { title: 'SAID', cell: run => said(run, nowMs) },
  ]
}

function said(run: RunRow, nowMs: number): string {
  const { nextAttemptAt, startedAt, summary } = run
  if (run.state === 'running' && startedAt !== null) return `for ${formatAge(nowMs - startedAt.getTime())}`
  const words = oneLine(summary ?? '').slice(0, 80)
  const waitMs = nextAttemptAt === null ? 0 : nextAttemptAt.getTime() - nowMs
  if (run.state === 'waiting' && waitMs > 0) return `in ${formatAge(waitMs)}${words ? `; last: ${words}` : ''}`
  return words
}
