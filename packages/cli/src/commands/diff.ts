import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult, destinationOption } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { renderDiff } from '../render/diff-lines.js'
import { addRetrieveOptions, type RetrieveFlags, retrievalOf } from '../retrieve-options.js'
import type { Session } from '../session.js'

interface Flags extends RetrieveFlags {
  readonly destination?: string
}

export function defineDiff(program: Command, choose: Choose): void {
  const command = addCommand(
    program,
    'diff',
    'show how the definitions in a backup differ from those of the live database',
    [
      'lifeboat diff latest',
      'lifeboat diff shop/latest --destination offsite',
      "lifeboat diff latest --json | jq -r '.differences[].entry'",
    ],
  )
    .argument('<backup>', 'latest, PRODUCT/latest, an id, a path or an s3:// address')
    .addOption(destinationOption())
  addRetrieveOptions(command).action((backup: string, flags: Flags) =>
    choose(session => runDiff(session, backup, flags)),
  )
}

async function runDiff(session: Session, name: string, { destination, ...flags }: Flags): Promise<CommandResult> {
  const lifeboat = await session.open(name)
  const { signal, progress } = session
  const diff = await lifeboat.diff(name, {
    destination,
    retrieve: retrievalOf(flags),
    signal,
    onEvent: progress.onEvent,
  })
  return {
    status: diff.differences.length === 0 ? exitStatus.done : exitStatus.damaged,
    document: diff,
    lines: renderDiff(diff, session.colours),
  }
}
