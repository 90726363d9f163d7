import { BackupError } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { canAsk } from '../confirm.js'
import { exitStatus } from '../exit-status.js'
import { oneLine } from '../render/one-line.js'
import type { Session } from '../session.js'
import { UsageError } from '../usage-error.js'

export function defineRootKey(program: Command, choose: Choose): void {
  const command = addCommand(
    program,
    'root-key',
    "the key that Supabase's Vault hangs on, which no backup of the database holds",
    ['lifeboat root-key save shop', 'lifeboat root-key put shop'],
  )
  addCommand(command, 'save', 'encrypt it like a backup and store it in every destination', [
    'lifeboat root-key save shop',
  ])
    .argument('<product>', 'a name from the configuration')
    .action((product: string) => choose(session => save(session, product)))
  addCommand(command, 'put', 'put the newest one that is kept into the project', ['lifeboat root-key put shop'])
    .argument('<product>', 'a name from the configuration')
    .option('--yes', 'do not ask')
    .action((product: string, flags: { yes?: boolean }) => choose(session => put(session, product, flags.yes === true)))
}

async function save(session: Session, named: string): Promise<CommandResult> {
  const lifeboat = await session.open()
  const [product] = session.chooseProducts(lifeboat, [named])
  const kept = await lifeboat.keepSecret(product!, { signal: session.signal, onEvent: session.progress.onEvent })
  return {
    status: exitStatus.done,
    document: { product, ...kept },
    lines: kept.locations.map(location => oneLine(`kept the ${kept.what} of ${product} as ${kept.key} at ${location}`)),
  }
}

async function put(session: Session, named: string, yes: boolean): Promise<CommandResult> {
  const lifeboat = await session.open()
  const [product] = session.chooseProducts(lifeboat, [named])
  if (!yes) {
    if (!canAsk(session.io))
      throw new UsageError('this must be confirmed, and there is no terminal to ask on', 'add --yes')
    session.progress.pause()
    const typed = await session.prompts.text(
      `What the project encrypted with its present key cannot be read afterwards. Type ${product} to go on:`,
    )
    if (typed?.trim() !== product || session.signal.aborted)
      throw new BackupError('cancelled', 'cancelled: nothing was sent')
  }
  const kept = await lifeboat.putSecretBack(product!, { signal: session.signal, onEvent: session.progress.onEvent })
  return {
    status: exitStatus.done,
    document: { product, ...kept },
    lines: [oneLine(`put the ${kept.what} of ${product} back, from ${kept.key} at ${kept.locations[0] ?? ''}`)],
  }
}
