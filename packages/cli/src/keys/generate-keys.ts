import { dirname, join, resolve } from 'node:path'
import { type KeyHolder, writeKeyPairs } from '@lifeboat/core'
import { InvalidArgumentError } from 'commander'
import type { CommandResult } from '../command.js'
import { canAsk } from '../confirm.js'
import { exitStatus } from '../exit-status.js'
import { refuseExisting } from '../init/write-files.js'
import { renderFields } from '../render/table.js'
import type { Session } from '../session.js'
import { askNewPassphrase } from './ask-passphrase.js'

export interface GenerateFlags {
  readonly folder: string
  readonly recoveryFile?: string
  readonly name: string
  readonly email?: string
  /** False with --no-passphrase. */
  readonly passphrase: boolean
}

const allPairs = ['team', 'recovery', 'signing'] as const
type Pair = (typeof allPairs)[number]

/** The signing key is used by the machine that backs up, at night, when there is nobody to ask. */
const variables: Readonly<Partial<Record<Pair, string>>> = {
  team: 'LIFEBOAT_PRIVATE_KEY_PASSPHRASE',
  recovery: 'LIFEBOAT_RECOVERY_KEY_PASSPHRASE',
}

export function parsePairs(text: string, chosen: readonly string[] = []): string[] {
  if (allPairs.some(pair => pair === text)) return [...chosen, text]
  throw new InvalidArgumentError(`Write ${allPairs.join(' or ')}.`)
}

export async function generateKeys(
  session: Session,
  named: readonly string[],
  flags: GenerateFlags,
): Promise<CommandResult> {
  const pairs = allPairs.filter(pair => named.length === 0 || named.includes(pair))
  const folder = resolve(session.io.cwd, flags.folder)
  const wanted = pairs.map(pair => ({ pair, files: filesOf(session, pair, folder, flags) }))
  // Before anybody has to think of a passphrase.
  for (const file of wanted.flatMap(({ files }) => [files.publicKey, files.privateKey]))
    refuseExisting(file, 'move the old key away yourself; backups made with it still need it')
  const work: Parameters<typeof writeKeyPairs>[0][number][] = []
  for (const { pair, files } of wanted) work.push({ files, holder: await holderOf(session, pair, flags) })
  const written = await writeKeyPairs(work)
  const keys = written.map((one, index) => ({
    ...{ pair: pairs[index]!, ...one },
    locked: work[index]!.holder.passphrase !== undefined,
  }))
  return {
    status: exitStatus.done,
    document: { keys },
    lines: keys
      .flatMap(({ pair, publicKey, privateKey, fingerprint, locked }) => [
        ...renderFields([
          [`${pair} key`, publicKey],
          ['private half', `${privateKey}${locked ? '' : ' (not locked by a passphrase)'}`],
          ['fingerprint', fingerprint],
        ]),
        ...careOf(session, pair, privateKey),
        '',
      ])
      .concat([
        'Name the public halves of team and recovery in encryption.recipients; the holder of either private half can restore.',
        `Then make a backup, and try each key on it: ${session.colours.bold('lifeboat keys prove PRODUCT --key FILE')}`,
      ]),
  }
}

function filesOf({ io }: Session, pair: Pair, folder: string, flags: GenerateFlags) {
  const privateKey =
    pair === 'recovery' && flags.recoveryFile !== undefined
      ? resolve(io.cwd, flags.recoveryFile)
      : join(folder, `${pair}-private.asc`)
  return { publicKey: join(folder, `${pair}.asc`), privateKey }
}

async function holderOf(session: Session, pair: Pair, { name, email, passphrase }: GenerateFlags): Promise<KeyHolder> {
  const variable = variables[pair]
  const set = (variable && session.io.env[variable]) || undefined
  const ask = variable !== undefined && set === undefined && passphrase && canAsk(session.io)
  return {
    name: `${name} ${pair}`,
    email,
    passphrase: ask ? await askNewPassphrase(session, `the ${pair} key`) : set,
    notes: pair === 'recovery' ? recoveryNotes(name) : [],
  }
}

/** What somebody needs to know who finds the sheet of paper. */
function recoveryNotes(name: string): string[] {
  return [
    `Private recovery key of ${name.replace(/[^\x20-\x7e]/g, '?')}. Keep it offline; whoever holds it reads all backups.`,
    'Typed or scanned into a file: gpg --import FILE, then docs/restore-runbook.md,',
    'or: LIFEBOAT_PRIVATE_KEY=FILE lifeboat restore BACKUP --to TARGET',
  ]
}

function careOf({ colours }: Session, pair: Pair, file: string): string[] {
  if (pair === 'team') return ['Only machines that verify or restore need the private half.']
  if (pair === 'signing')
    return ['It seals backups: encryption.signingKey of the machine that makes them. It opens none.']
  return [
    colours.yellow('Take the private half off this machine:'),
    `  1. print ${file}, or copy it to a stick in ${dirname(file) === '/' ? 'a safe' : 'a safe, away from the backups'}`,
    '  2. try the copy: lifeboat keys prove PRODUCT --key THE-COPY',
    `  3. remove it here: shred -u ${file}`,
  ]
}
