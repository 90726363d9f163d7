import type { PauseResult } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { oneLine } from '../render/one-line.js'
import type { Session } from '../session.js'

export function definePause(program: Command, choose: Choose): void {
  addCommand(program, 'pause', "pause the services that write to a product's database, until resume", [
    'lifeboat pause shop',
  ])
    .argument('<product>', 'a name from the configuration')
    .action((product: string) => choose(session => runTurn(session, product, 'pause')))
}

export function defineResume(program: Command, choose: Choose): void {
  addCommand(program, 'resume', 'resume them, whoever paused them', ['lifeboat resume shop'])
    .argument('<product>', 'a name from the configuration')
    .action((product: string) => choose(session => runTurn(session, product, 'resume')))
}

async function runTurn(session: Session, named: string, turn: 'pause' | 'resume'): Promise<CommandResult> {
  const lifeboat = await session.open()
  const [product] = session.chooseProducts(lifeboat, [named])
  const result: PauseResult = await lifeboat[turn](product!, {
    signal: session.signal,
    onEvent: session.progress.onEvent,
  })
  const stuck = turn === 'resume' ? result.left.some(one => one.state !== 'running') : false
  return {
    status: stuck ? exitStatus.partial : exitStatus.done,
    document: { product, ...result },
    lines: [
      ...result.changed.map(one => `${turn}d ${oneLine(one.name)} (${one.id})`),
      ...result.left.map(one => `left ${oneLine(one.name)} (${one.id}): ${oneLine(one.why)}`),
    ],
  }
}
