import { resolve } from 'node:path'
import { isBackupError } from '@lifeboat/core'
import type { QueueTotals } from '@lifeboat/core/queue'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { openRunQueue } from '../open-run-queue.js'
import { describeError } from '../render/describe-error.js'
import { oneLine } from '../render/one-line.js'
import type { Session } from '../session.js'

export function defineMetrics(program: Command, choose: Choose): void {
  addCommand(program, 'metrics', 'print how the products are (default: all) in the text format of Prometheus', [
    'lifeboat metrics',
    'lifeboat metrics --textfile /var/lib/prometheus/node-exporter/lifeboat.prom',
    'lifeboat metrics --queue env:LIFEBOAT_QUEUE_URL',
  ])
    .argument('[products...]', 'names from the configuration')
    .option('--textfile <file>', 'write them there, whole or not at all, for the textfile collector')
    .option('--queue <env:name>', "add the gauges of the queue whose Postgres' address that variable holds")
    .action((products: string[], flags: Flags) => choose(session => runMetrics(session, products, flags)))
}

interface Flags {
  readonly textfile?: string
  readonly queue?: string
}

async function runMetrics(session: Session, named: readonly string[], flags: Flags): Promise<CommandResult> {
  const { textfile, queue } = flags
  const lifeboat = await session.open()
  const products = session.chooseProducts(lifeboat, named)
  // What makes the text is loaded for this only.
  const { queueMetrics, renderMetrics, writeTextfile } = await import('@lifeboat/core/metrics')
  const report = await lifeboat.status({
    products,
    keys: true,
    signal: session.signal,
    onEvent: session.progress.onEvent,
  })
  const text = await renderMetrics(report, queue === undefined ? [] : [queueMetrics(await readQueue(session, queue))])
  const file = textfile === undefined ? null : resolve(session.io.cwd, textfile)
  if (file !== null) await writeTextfile(file, text)
  return {
    // Rules judge the numbers; what was asked for is done.
    status: exitStatus.done,
    document: { file, metrics: text },
    lines: file === null ? text.trimEnd().split('\n') : [`written to ${oneLine(file)}`],
  }
}

/** A queue that does not answer is a number on the page; a variable that is not there is an error. */
async function readQueue(session: Session, named: string): Promise<() => Promise<QueueTotals>> {
  try {
    const queue = await openRunQueue(session.io, named)
    const totals = await queue.totals().finally(() => queue.close())
    return async () => totals
  } catch (error) {
    if (!isBackupError(error) || !error.code.startsWith('database-')) throw error
    session.warn(`the queue: ${describeError(error).message}`)
    return () => Promise.reject(error)
  }
}
