import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { oneLine } from '../render/one-line.js'
import { formatBytes, formatDuration } from '../render/quantities.js'
import { addRetrieveOptions, type RetrieveFlags, retrievalOf } from '../retrieve-options.js'
import type { Session } from '../session.js'

interface Flags extends RetrieveFlags {
  readonly to: string
  readonly from?: string
}

export function defineCopy(program: Command, choose: Choose): void {
  const command = addCommand(
    program,
    'copy',
    'copy a backup into another destination of its product, as it lies; no key is needed',
    [
      'lifeboat copy shop/latest --to archive',
      'lifeboat copy shop/20261121T020000Z-7f3k9q --from offsite --to local',
      'lifeboat copy /mnt/usb/shop/20261121T020000Z-7f3k9q --to offsite',
    ],
  )
    .argument('<backup>', 'latest, PRODUCT/latest, an id, a path or an s3:// address')
    .requiredOption('--to <name>', 'the destination that gets it')
    .option('--from <name>', 'the destination to read it from (default: the first other one that has it)')
  addRetrieveOptions(command).action((backup: string, flags: Flags) =>
    choose(session => runCopy(session, backup, flags)),
  )
}

async function runCopy(session: Session, backup: string, flags: Flags): Promise<CommandResult> {
  const lifeboat = await session.open(backup)
  const { to, from } = flags
  const { signal, progress } = session
  const retrieve = retrievalOf(flags)
  const result = await lifeboat.copy(backup, { to, from, retrieve, signal, onEvent: progress.onEvent })
  const name = `${result.product}/${result.id}`
  const line =
    result.outcome === 'present'
      ? `${name} is at ${result.to} already (${oneLine(result.location)}); nothing was written`
      : `${name}: ${session.colours.green('copied')} from ${oneLine(result.from)} to ${result.to} (${oneLine(result.location)}), ${formatBytes(result.storedBytes)} in ${formatDuration(result.durationMs)}`
  return { status: exitStatus.done, document: result, lines: [line] }
}
