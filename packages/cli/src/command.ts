import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ExitStatus } from './exit-status.js'
import { helpText } from './render/help-text.js'
import type { Session } from './session.js'

/** What a command ends with: one exit status, and the same answer for programs and for people. */
export interface CommandResult {
  readonly status: ExitStatus
  /** What stdout carries with --json. */
  readonly document: unknown
  /** What stdout carries without. */
  readonly lines: readonly string[]
}

export type CommandHandler = (session: Session) => Promise<CommandResult>

/** Called by a command once its line has been parsed. */
export type Choose = (handler: CommandHandler) => void

/** Adds a command with the help that each of ours has. */
export function addCommand(program: Command, usage: string, description: string, examples: readonly string[]): Command {
  return program.command(usage).description(description).addHelpText('after', helpText(examples))
}

/** `--destination NAME`, for commands that look at stored backups. */
export function destinationOption(byDefault = 'the first that has it'): Option {
  return new Option('--destination <name>', `only look in this destination (default: ${byDefault})`)
}

/** `--no-notify`, for runs that tell people what became of them. */
export function noNotifyOption(): Option {
  return new Option('--no-notify', 'tell nobody what becomes of this run')
}

export function parseCount(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Write a whole number from 1 to 999.')
}

export function parseLabel(text: string, labels: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Write KEY=VALUE.')
  return { ...labels, [text.slice(0, at)]: text.slice(at + 1) }
}
