import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { configText } from '../init/config-text.js'
import { keyFiles, refuseExisting, writeKeys, writeNewFile } from '../init/write-files.js'
import { configFileNames } from '../load-config.js'
import { renderFields } from '../render/table.js'
import type { Session } from '../session.js'

interface Flags {
  readonly product: string
  readonly databaseEnv: string
  readonly folder: string
  readonly format: 'ts' | 'mjs'
  readonly keys?: boolean
  readonly name?: string
  readonly email?: string
  readonly force?: boolean
}

export function defineInit(program: Command, choose: Choose): void {
  addCommand(program, 'init', 'write a lifeboat.config.ts to start from, and with --keys OpenPGP keys', [
    'lifeboat init --keys',
    'lifeboat init --product shop --database-env SHOP_DATABASE_URL --folder /backups',
    'LIFEBOAT_PRIVATE_KEY_PASSPHRASE=… lifeboat init --keys --email ops@example.com',
  ])
    .option('--product <name>', 'the name of the product to back up', parseProduct, 'app')
    .option(
      '--database-env <name>',
      "the environment variable that holds the database's address",
      parseEnvName,
      'DATABASE_URL',
    )
    .option('--folder <folder>', 'where the backups go', './backups')
    .addOption(new Option('--format <format>', 'TypeScript or plain JavaScript').choices(['ts', 'mjs']).default('ts'))
    .option(
      '--keys',
      'make a key pair in keys/, locked with LIFEBOAT_PRIVATE_KEY_PASSPHRASE where that is set, and one that seals backups',
    )
    .option('--name <name>', 'whose key pair it is (default: PRODUCT backups)')
    .option('--email <address>', 'an address to put into the key pair')
    .option('--force', 'replace an existing configuration; keys are never replaced')
    .action((flags: Flags) => choose(session => runInit(session, flags)))
}

async function runInit({ io, colours }: Session, flags: Flags): Promise<CommandResult> {
  const config = resolve(io.cwd, `lifeboat.config.${flags.format}`)
  const { product, databaseEnv, folder } = flags
  const passphrase = io.env.LIFEBOAT_PRIVATE_KEY_PASSPHRASE || undefined
  const files = flags.keys ? keyFiles(io.cwd) : undefined
  if (!flags.force) {
    refuseExisting(config, 'add --force to replace it')
    // The first of these names wins: a second file would silently take the place of the one that was written with care.
    for (const name of configFileNames)
      refuseExisting(
        resolve(io.cwd, name),
        'of several only one is read: remove it first, or add --force to write another',
      )
  }
  const person = { name: flags.name ?? `${product} backups`, email: flags.email, passphrase }
  const keys = files === undefined ? null : await writeKeys(files, person)
  const text = configText({
    product,
    databaseEnv,
    folder,
    encryption: encryptionOf(flags.keys === true, passphrase !== undefined),
  })
  await writeNewFile(config, text, { replace: flags.force === true })
  const next = [
    `export ${databaseEnv}=postgres://…`,
    ...(keys === null ? ['export LIFEBOAT_PASSPHRASE=…'] : []),
    'lifeboat doctor',
    'lifeboat backup',
    'lifeboat verify',
  ]
  const wrote: (readonly [string, string])[] = [['configuration', config]]
  if (keys !== null) {
    wrote.push(['public key', keys.publicKey], ['private key', keys.privateKey], ['fingerprint', keys.fingerprint])
    wrote.push(['signing key', keys.signingKey], ['its public half', keys.signer])
  }
  const care = keys === null ? 'the passphrase' : 'the private key'
  return {
    status: exitStatus.done,
    document: { config, keys, next },
    lines: [
      ...renderFields(wrote),
      '',
      `Keep ${care} somewhere else too, and out of the repository: without it no backup can be restored.`,
      'Next:',
      ...next.map(line => `  ${colours.bold(line)}`),
    ],
  }
}

function encryptionOf(keys: boolean, locked: boolean): 'passphrase' | 'keys' | 'locked-keys' {
  if (!keys) return 'passphrase'
  return locked ? 'locked-keys' : 'keys'
}

function parseProduct(text: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(text)) return text
  throw new InvalidArgumentError('Use lower-case letters, digits and -.')
}

function parseEnvName(text: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return text
  throw new InvalidArgumentError('Write the name of an environment variable.')
}
