import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { renderStatus } from '../render/status-lines.js'
import type { Session } from '../session.js'

export function defineStatus(program: Command, choose: Choose): void {
  addCommand(program, 'status', 'say how the products are (default: all), by their stores and the clock alone', [
    'lifeboat status',
    'lifeboat status shop',
    'lifeboat status --json | jq -r \'.products[] | select(.state != "ok") | .findings[].message\'',
  ])
    .argument('[products...]', 'names from the configuration')
    .action((products: string[]) => choose(session => runStatus(session, products)))
}

async function runStatus(session: Session, named: readonly string[]): Promise<CommandResult> {
  const lifeboat = await session.open()
  const products = session.chooseProducts(lifeboat, named)
  const report = await lifeboat.status({
    products,
    keys: true,
    signal: session.signal,
    onEvent: session.progress.onEvent,
  })
  const status = { ok: exitStatus.done, warning: exitStatus.partial, critical: exitStatus.damaged }[report.state]
  return { status, document: report, lines: renderStatus(report, session.colours) }
}
