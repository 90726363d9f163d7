import { parseDurationMs, type Retrieval } from '@lifeboat/core'
import { type Command, InvalidArgumentError, Option } from 'commander'

/** The flags of commands that read backups, which may lie in an archive. */
export interface RetrieveFlags {
  readonly retrieve?: boolean
  readonly retrievalTier?: 'expedited' | 'standard' | 'bulk'
  readonly wait?: number
}

/** `--retrieve`, `--retrieval-tier` and `--wait`. */
export function addRetrieveOptions(command: Command): Command {
  return command
    .option('--retrieve', 'ask for a backup that lies in an archive, which costs money and takes hours')
    .addOption(
      new Option('--retrieval-tier <tier>', 'how quick, and how dear (default: standard)').choices([
        ...['expedited', 'standard', 'bulk'],
      ]),
    )
    .option(
      '--wait <duration>',
      'with --retrieve: wait for it, at most so long (12h); else it says when to come back',
      parseWait,
    )
}

/** What the flags ask for; a tier or a wait asks to retrieve, too. */
export function retrievalOf({ retrieve, retrievalTier: tier, wait: waitMs }: RetrieveFlags): Retrieval | undefined {
  if (retrieve !== true && tier === undefined && waitMs === undefined) return undefined
  return { tier, waitMs }
}

function parseWait(text: string): number {
  const parsed = parseDurationMs(text)
  if (parsed === undefined || parsed <= 0) throw new InvalidArgumentError('Write 30m, 12h, 2d.')
  return parsed
}
