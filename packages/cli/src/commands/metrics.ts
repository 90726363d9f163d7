import { resolve } from 'node:path'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { oneLine } from '../render/one-line.js'
import type { Session } from '../session.js'

export function defineMetrics(program: Command, choose: Choose): void {
  addCommand(program, 'metrics', 'print how the products are (default: all) in the text format of Prometheus', [
    'lifeboat metrics',
    'lifeboat metrics --textfile /var/lib/prometheus/node-exporter/lifeboat.prom',
  ])
    .argument('[products...]', 'names from the configuration')
    .option('--textfile <file>', 'write them there, whole or not at all, for the textfile collector')
    .action((products: string[], flags: { textfile?: string }) =>
      choose(session => runMetrics(session, products, flags.textfile)),
    )
}

async function runMetrics(
  session: Session,
  named: readonly string[],
  textfile: string | undefined,
): Promise<CommandResult> {
  const lifeboat = await session.open()
  const products = session.chooseProducts(lifeboat, named)
  // What makes the text is loaded for this only.
  const { renderMetrics, writeTextfile } = await import('@lifeboat/core/metrics')
  const report = await lifeboat.status({
    products,
    keys: true,
    signal: session.signal,
    onEvent: session.progress.onEvent,
  })
  const text = await renderMetrics(report)
  const file = textfile === undefined ? null : resolve(session.io.cwd, textfile)
  if (file !== null) await writeTextfile(file, text)
  return {
    // Rules judge the numbers; what was asked for is done.
    status: exitStatus.done,
    document: { file, metrics: text },
    lines: file === null ? text.trimEnd().split('\n') : [`written to ${oneLine(file)}`],
  }
}
