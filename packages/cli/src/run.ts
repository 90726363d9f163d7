import { isBackupError } from '@lifeboat/core'
import { type Command, CommanderError } from 'commander'
import type { CliIo } from './cli-io.js'
import type { CommandHandler, CommandResult } from './command.js'
import { type ExitStatus, exitStatus, exitStatusOf } from './exit-status.js'
import { buildProgram } from './program.js'
import { describeError, type ErrorDocument } from './render/describe-error.js'
import { type GlobalOptions, type Session, startSession } from './session.js'
import { UsageError } from './usage-error.js'

/**
 * Runs one command line (without `node` and the script) and resolves to its exit status. Never rejects; touches
 * nothing of the process but what `io` gives it.
 */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const parsed = await parse(argv, io)
  if (typeof parsed === 'number') return parsed
  const { globals, handler } = parsed
  const session = startSession(io, globals)
  try {
    const result = handler instanceof UsageError ? fail(session, handler) : await runHandler(session, handler)
    session.progress.pause()
    write(io, globals, result)
    return result.status
  } finally {
    session.stop()
  }
}

interface Parsed {
  readonly globals: GlobalOptions
  readonly handler: CommandHandler | UsageError
}

/** What to run; or an exit status when there was only help to print. */
async function parse(argv: readonly string[], io: CliIo): Promise<Parsed | number> {
  let handler: CommandHandler | undefined
  const program = buildProgram(io, chosen => {
    handler = chosen
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return exitStatus.done
    // No command at all: commander has printed the help; `lifeboat help COMMAND` ends here too, with status 0.
    if (error.code === 'commander.help') return error.exitCode === 0 ? exitStatus.done : exitStatus.usage
    // A line that cannot be parsed may still have asked for JSON.
    return {
      globals: { json: argv.includes('--json'), color: !argv.includes('--no-color') },
      handler: usageError(error, commandIn(argv, program)),
    }
  }
  return handler === undefined ? exitStatus.usage : { globals: program.opts<GlobalOptions>(), handler }
}

/** The command that a line names, as far as its words are commands: `objects restore`. */
function commandIn(argv: readonly string[], program: Command): string {
  const names: string[] = []
  let at = program
  for (const word of argv) {
    const found = at.commands.find(one => one.name() === word)
    if (found === undefined) continue
    names.push(word)
    at = found
  }
  return names.join(' ')
}

function usageError(error: CommanderError, command: string): UsageError {
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n')
  const help = `see: lifeboat ${command === '' ? '' : `${command} `}--help`
  // It is near to many a short option, and named in any case.
  const near = suggestion !== undefined && !suggestion.includes('--help')
  return new UsageError(message, near ? `${suggestion.replace(/^\(|\?\)$/g, '').toLowerCase()}? ${help}` : help)
}

async function runHandler(session: Session, handler: CommandHandler): Promise<CommandResult> {
  try {
    return await handler(session)
  } catch (error) {
    return fail(session, error)
  }
}

function fail(session: Session, error: unknown): CommandResult {
  session.report(error)
  const status: ExitStatus = session.signal.aborted ? exitStatus.cancelled : exitStatusOf(error)
  return { status, document: { error: errorDocument(session, error) }, lines: [] }
}

// A tool that the abort killed may report its own death; for a program this is a cancelled run all the same.
function errorDocument(session: Session, error: unknown): ErrorDocument {
  const described = describeError(error)
  return session.signal.aborted && !isBackupError(error, 'cancelled') ? { ...described, code: 'cancelled' } : described
}

function write(io: CliIo, globals: GlobalOptions, { document, lines }: CommandResult): void {
  if (globals.json) io.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
  else if (lines.length > 0) io.stdout.write(`${lines.join('\n')}\n`)
}
