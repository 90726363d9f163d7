import type { DoctorCheck } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import type { Colours } from '../render/colours.js'
import { oneLine } from '../render/one-line.js'
import { plural } from '../render/quantities.js'
import type { Session } from '../session.js'

interface Flags {
  readonly probe?: boolean
}

export function defineDoctor(program: Command, choose: Choose): void {
  addCommand(
    program,
    'doctor',
    'check tools, connections, destinations, keys and the provider; puts right what dead runs left there',
    ['lifeboat doctor', 'lifeboat doctor shop --probe', "lifeboat doctor --json | jq '.checks[] | select(.ok | not)'"],
  )
    .argument('[products...]', 'names from the configuration (default: all)')
    .option('--probe', 'try in each destination what a key that only backs up must not be able to do')
    .action((products: string[], flags: Flags) => choose(session => runDoctor(session, products, flags)))
}

async function runDoctor(session: Session, named: readonly string[], { probe }: Flags): Promise<CommandResult> {
  const lifeboat = await session.open()
  const checks: DoctorCheck[] = []
  const options = { probe, signal: session.signal, onEvent: session.progress.onEvent }
  for (const product of session.chooseProducts(lifeboat, named))
    checks.push(...(await lifeboat.doctor(product, options)))
  const bad = checks.filter(check => !check.ok).length
  return {
    status: bad === 0 ? exitStatus.done : exitStatus.damaged,
    document: { ok: bad === 0, checks },
    lines: [
      ...checks.flatMap(check => checkLines(check, session.colours)),
      bad === 0 ? `${plural(checks.length, 'check')}, all well` : `${bad} of ${plural(checks.length, 'check')} failed`,
    ],
  }
}

function checkLines({ product, area, ok, message, hint }: DoctorCheck, colours: Colours): string[] {
  const verdict = ok ? colours.green('ok    ') : colours.red('FAILED')
  const line = `${verdict}  ${product === null ? '' : `${product} `}${area}: ${oneLine(message)}`
  return hint === null ? [line] : [line, `        hint: ${oneLine(hint)}`]
}
