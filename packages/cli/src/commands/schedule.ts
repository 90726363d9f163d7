import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { BackupError } from '@lifeboat/core'
import { type PrintedFile, type Scheduler, schedulers } from '@lifeboat/core/schedule'
import { type Command, Option } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { helpText } from '../render/help-text.js'
import type { Session } from '../session.js'

interface Flags {
  readonly for: Scheduler
  readonly out?: string
}

export function defineSchedule(program: Command, choose: Choose): void {
  const schedule = program
    .command('schedule')
    .description("say the products' schedules in the words of another scheduler")
    .addHelpText('after', helpText(['lifeboat schedule print --for systemd shop']))
  addCommand(schedule, 'print', 'print what another scheduler needs to do the work (default: of every product)', [
    'lifeboat schedule print --for cron',
    'lifeboat schedule print --for github-actions shop --out .',
    'lifeboat schedule print --for kubernetes | kubectl apply --filename -',
  ])
    .argument('[products...]', 'names from the configuration')
    .addOption(new Option('--for <scheduler>', 'the scheduler').choices([...schedulers]).makeOptionMandatory())
    .option('--out <folder>', 'write the files below this folder instead; none is replaced')
    .action((products: string[], flags: Flags) => choose(session => print(session, products, flags)))
}

async function print(session: Session, named: readonly string[], flags: Flags): Promise<CommandResult> {
  const lifeboat = await session.open()
  const files = lifeboat.printSchedule(flags.for, session.chooseProducts(lifeboat, named))
  if (flags.out === undefined) {
    const lines = files.map(file => (files.length > 1 ? `# ${file.name}\n${file.text}` : file.text).trimEnd())
    return { status: exitStatus.done, document: { files }, lines }
  }
  const written: string[] = []
  for (const file of files) written.push(await write(resolve(session.io.cwd, flags.out), file))
  return { status: exitStatus.done, document: { files, written }, lines: written.map(path => `wrote ${path}`) }
}

async function write(folder: string, { name, text }: PrintedFile): Promise<string> {
  const path = join(folder, name)
  await mkdir(dirname(path), { recursive: true })
  try {
    await writeFile(path, text, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new BackupError('config-invalid', `${path} exists already`, {
      hint: 'remove it, or choose another --out',
      cause: error,
    })
  }
  return path
}
