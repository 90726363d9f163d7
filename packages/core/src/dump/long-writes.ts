import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** What a child's standard output is gathered to before it is written: as much as one read takes up. */
const writeBytes = 65_536

/** A program with its arguments, as it is to be started. */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
}

/**
 * Lets a program write its standard output in long pieces, where `stdbuf` (GNU coreutils) is at hand; elsewhere the
 * command as it was. C programs gather 4 KiB before they write to a pipe, and at the speed of a dump each write wakes
 * us up (docs/decisions/0011-long-writes.md). `stdbuf` replaces itself by the program: the process, its signals and
 * its exit status are the program's own.
 */
export async function withLongWrites(
  command: Command,
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): Promise<Command> {
  // A program that cannot be started is to say so itself, not through stdbuf's own exit status.
  if (platform !== 'linux' || !(await isExecutable(command.file))) return command
  for (const folder of (environment.PATH ?? '').split(delimiter)) {
    const file = join(folder, 'stdbuf')
    if (folder.startsWith('/') && (await isExecutable(file)))
      return { file, args: [`--output=${writeBytes}`, command.file, ...command.args] }
  }
  return command
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return true
  } catch {
    // Not there, or not for us: the next folder may have it.
    return false
  }
}
