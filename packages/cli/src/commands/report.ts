import { resolve } from 'node:path'
import type { ProductReport, ReportModel } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { oneLine } from '../render/one-line.js'
import type { Session } from '../session.js'
import { UsageError } from '../usage-error.js'
import { writePrivateFile } from '../write-private-file.js'

interface Flags {
  readonly html?: string
  readonly open?: boolean
}

export function defineReport(program: Command, choose: Choose): void {
  addCommand(program, 'report', 'say what could be recovered, and write it as a page', [
    'lifeboat report',
    'lifeboat report --html report.html --open',
    'lifeboat report shop --json',
  ])
    .argument('[products...]', 'names from the configuration')
    .option('--html <file>', 'write one self-contained page')
    .option('--open', 'with --html: show it in the browser')
    .action((products: string[], flags: Flags) => choose(session => runReport(session, products, flags)))
}

async function runReport(session: Session, named: readonly string[], flags: Flags): Promise<CommandResult> {
  if (flags.open && flags.html === undefined)
    throw new UsageError('--open needs a page to show', 'lifeboat report --html report.html --open')
  const lifeboat = await session.open()
  const products = session.chooseProducts(lifeboat, named)
  const model = await lifeboat.report({ products, signal: session.signal })
  const file = flags.html === undefined ? null : resolve(session.io.cwd, flags.html)
  if (file !== null) await writePage(file, model)
  if (file !== null && flags.open) await (session.io.openPage ?? openInBrowser)(file)
  return {
    status: exitStatus.done,
    document: { file, report: model },
    lines: [
      ...model.products.map(product => lineOf(product, session)),
      ...(file === null ? [] : [`written to ${oneLine(file)}`]),
    ],
  }
}

function lineOf({ name, verdict, headline }: ProductReport, { colours }: Session): string {
  const paint = { good: colours.green, attention: colours.yellow, bad: colours.red }[verdict]
  const word = { good: 'recoverable', attention: 'needs attention', bad: 'act now' }[verdict]
  return `${oneLine(name)}: ${paint(word)}: ${oneLine(headline)}`
}

/** What draws the charts is loaded for this only. */
async function writePage(file: string, model: ReportModel): Promise<void> {
  const { renderReport } = await import('@lifeboat/core/report')
  await writePrivateFile(file, renderReport(model))
}

async function openInBrowser(file: string): Promise<void> {
  const { default: open } = await import('open')
  await open(file)
}
