import type { Timeline } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { forEachProduct } from '../for-each-product.js'
import { renderTimeline } from '../render/timeline-lines.js'
import type { Session } from '../session.js'

export function defineTimeline(program: Command, choose: Choose): void {
  addCommand(
    program,
    'timeline',
    'for each kind of loss: what could be recovered now, from where, how old, how fast, and with which command',
    ['lifeboat timeline shop', "lifeboat timeline shop --json | jq '.timelines[0].losses[] | {loss, dataAgeMs}'"],
  )
    .argument('[products...]', 'names from the configuration (default: all)')
    .action((products: string[]) => choose(session => runTimeline(session, products)))
}

async function runTimeline(session: Session, named: readonly string[]): Promise<CommandResult> {
  const lifeboat = await session.open()
  const done = await forEachProduct<Timeline>(session, session.chooseProducts(lifeboat, named), async product => [
    await lifeboat.timeline(product, { signal: session.signal, onEvent: session.progress.onEvent }),
  ])
  for (const { unanswered } of done.results)
    for (const { place, message } of unanswered) session.warn(`${place} is not in it: ${message}`)
  // What cannot be recovered is the answer, not a failure; what could not be asked makes it partial.
  const statuses = done.results.map(one => (one.unanswered.length === 0 ? exitStatus.done : exitStatus.partial))
  return {
    status: done.statusWith(statuses),
    document: { ...done.document, timelines: done.results },
    lines: done.results.flatMap(one => renderTimeline(one, session.colours)),
  }
}
