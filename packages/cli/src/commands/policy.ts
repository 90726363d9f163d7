import type { DestinationPolicy, StoreRole } from '@lifeboat/core'
import { storeRoles } from '@lifeboat/core'
import { type Command, Option } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { oneLine } from '../render/one-line.js'
import type { Session } from '../session.js'
import { UsageError } from '../usage-error.js'

interface Flags {
  readonly for: StoreRole
  readonly destination?: string
}

export function definePolicy(program: Command, choose: Choose): void {
  addCommand(program, 'policy', "print the least rights that a role needs in a product's destination, as IAM JSON", [
    'lifeboat policy shop --for writer --destination offsite > writer.json',
    'lifeboat policy shop --for pruner',
  ])
    .argument('<product>', 'a name from the configuration')
    .addOption(new Option('--for <role>', 'who works there').choices([...storeRoles]).makeOptionMandatory())
    .option('--destination <name>', 'the destination (default: the one that has policies)')
    .action((product: string, flags: Flags) => choose(session => runPolicy(session, product, flags)))
}

async function runPolicy(session: Session, product: string, flags: Flags): Promise<CommandResult> {
  const lifeboat = await session.open()
  session.chooseProducts(lifeboat, [product])
  const { destination, for: role } = flags
  const all = await lifeboat.policies(product, { role, destination, signal: session.signal })
  const found = all.filter(one => one.policy !== null)
  if (found.length === 0) throw withoutPolicies(all)
  if (found.length > 1 && !session.globals.json) {
    const names = found.map(one => one.destination).join(', ')
    throw new UsageError(`${product} has several destinations with policies`, `name one with --destination: ${names}`)
  }
  for (const one of found) for (const note of one.policy!.notes) session.warn(`${one.destination}: ${note}`)
  const policies = found.map(({ policy, ...rest }) => ({ ...rest, document: policy!.document, notes: policy!.notes }))
  return {
    status: exitStatus.done,
    document: { policies },
    lines: JSON.stringify(policies[0]!.document, null, 2).split('\n'),
  }
}

function withoutPolicies(all: readonly DestinationPolicy[]): UsageError {
  const places = all.map(one => `${one.destination} (${oneLine(one.location)})`).join(', ')
  return new UsageError(`no policies there: ${places}`, 'rights of a folder are those of the file system')
}
