import type { ObjectsRecord, ProofRecord } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult, destinationOption, parseCount } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { renderHistory } from '../render/history-lines.js'
import { renderObjectHistory } from '../render/object-history-lines.js'
import { plural } from '../render/quantities.js'
import type { Session } from '../session.js'

const dayMs = 86_400_000
const defaultDays = 90

interface Flags {
  readonly days?: number
  readonly destination?: string
}

export function defineHistory(program: Command, choose: Choose): void {
  addCommand(program, 'history', 'show the verifications and drills of products (default: all of them), newest first', [
    'lifeboat history shop',
    'lifeboat history --days 7 --destination offsite',
    "lifeboat history --json | jq '.records[] | select(.ok | not)'",
  ])
    .argument('[products...]', 'names from the configuration')
    .option('--days <n>', `how far back (default: ${defaultDays})`, parseCount)
    .addOption(destinationOption('all of them'))
    .action((products: string[], flags: Flags) => choose(session => runHistory(session, products, flags)))
}

async function runHistory(session: Session, named: readonly string[], flags: Flags): Promise<CommandResult> {
  const lifeboat = await session.open()
  const since = new Date(session.now().getTime() - (flags.days ?? defaultDays) * dayMs)
  const records: ProofRecord[] = []
  const objects: ObjectsRecord[] = []
  for (const product of session.chooseProducts(lifeboat, named)) {
    const options = { destination: flags.destination, since, signal: session.signal }
    records.push(...(await lifeboat.history(product, options)))
    objects.push(...(await lifeboat.objectHistory(product, options)))
  }
  records.sort((a, b) => b.at.localeCompare(a.at))
  objects.sort((a, b) => b.at.localeCompare(a.at))
  if (records.length + objects.length === 0)
    session.say(
      `nothing was verified or drilled in the last ${plural(flags.days ?? defaultDays, 'day')}; do it with: lifeboat verify, lifeboat drill`,
    )
  const lines = [renderHistory(records, session.colours), renderObjectHistory(objects, session.colours)]
  return {
    status: exitStatus.done,
    document: { records, objects },
    lines: lines.filter(part => part.length > 0).flatMap((part, at) => (at === 0 ? part : ['', ...part])),
  }
}
