import { resolve } from 'node:path'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { oneLine, redact } from '../render/one-line.js'
import type { Session } from '../session.js'
import { writePrivateFile } from '../write-private-file.js'

export function definePlan(program: Command, choose: Choose): void {
  addCommand(program, 'plan', "write a product's disaster-recovery plan as Markdown", [
    'lifeboat plan shop',
    'lifeboat plan shop --out shop-recovery.md',
  ])
    .argument('<product>', 'a name from the configuration')
    .option('--out <file>', 'write it there, whole or not at all')
    .action((product: string, flags: { out?: string }) => choose(session => runPlan(session, product, flags.out)))
}

async function runPlan(session: Session, product: string, out: string | undefined): Promise<CommandResult> {
  const lifeboat = await session.open()
  session.chooseProducts(lifeboat, [product])
  const { signal } = session
  const { markdown } = await lifeboat.disasterPlan(product, { signal, onEvent: session.progress.onEvent })
  const plan = redact(markdown)
  const file = out === undefined ? null : resolve(session.io.cwd, out)
  if (file !== null) await writePrivateFile(file, plan)
  return {
    status: exitStatus.done,
    document: { product, file, plan },
    lines: file === null ? plan.trimEnd().split('\n') : [`written to ${oneLine(file)}`],
  }
}
