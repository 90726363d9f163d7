import type { BackupEvent, RestoreOptions, RestorePlan } from '@lifeboat/core'
import { type Command, Option } from 'commander'
import { addCommand, type Choose, type CommandResult, destinationOption, parseCount } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { findProfile, type ProfileName, profileNames } from '../find-profile.js'
import { isAddress } from '../open-address.js'
import { profileLines } from '../render/profile-lines.js'
import { renderPlan, renderRestored } from '../render/restore-lines.js'
import { addRetrieveOptions, type RetrieveFlags, retrievalOf } from '../retrieve-options.js'
import type { Session } from '../session.js'
import { resolveTarget } from '../target-url.js'
import { UsageError } from '../usage-error.js'
import { confirmWith } from './confirm-restore.js'
import { listContents } from './list-contents.js'
import { type RestoreFilesFlags, runRestoreFiles } from './restore-files.js'
import { runRestoreRoles } from './restore-roles.js'

interface Flags extends RestoreFilesFlags, RetrieveFlags {
  readonly roles?: boolean
  readonly to?: string
  readonly destination?: string
  readonly table?: readonly string[]
  readonly withReferenced?: boolean
  readonly intoSchema?: string
  readonly schemaOnly?: boolean
  readonly dataOnly?: boolean
  readonly list?: boolean
  readonly create?: boolean
  readonly jobs?: number
  readonly overwrite?: boolean
  readonly overwriteSource?: boolean
  readonly keepFailed?: boolean
  readonly allowUnsealed?: boolean
  readonly pause?: boolean
  readonly resume?: boolean
  readonly yes?: boolean
  readonly profile?: ProfileName
  readonly dryRun?: boolean
}

export function defineRestore(program: Command, choose: Choose): void {
  const command = addCommand(
    program,
    'restore',
    'restore a backup into a database, or its files into a folder, after showing the plan',
    [
      'lifeboat restore latest --to env:TARGET_URL --create',
      'lifeboat restore shop/latest --to postgres://admin@localhost/shop_copy --create --jobs 4 --yes',
      'lifeboat restore 20261121T020000Z-7f3k9q --to env:TARGET_URL --overwrite',
      'lifeboat restore latest --list',
      'lifeboat restore latest --to env:DATABASE_URL --table sales.orders --into-schema recovered',
      'lifeboat restore latest --files --to-folder ./recovered',
      'LIFEBOAT_PASSPHRASE=… lifeboat restore s3://shop-backups/shop/20261121T020000Z-7f3k9q --to env:TARGET_URL --yes',
    ],
  )
    .argument('<backup>', 'latest, PRODUCT/latest, an id, a path or an s3:// address')
    .option(
      '--to <target>',
      '(required, but for --list) a postgres:// address, or env:NAME for one in the environment; a missing password is taken from PGPASSWORD',
    )
    .option('--create', 'create the database first; it must not exist')
    .option('--jobs <n>', 'how many connections load tables and build indexes at once (default: 2)', parseCount)
    .option(
      '--overwrite',
      'allow a target that is not empty: its objects named in the backup, and what depends on them, are dropped first',
    )
    .option('--overwrite-source', 'allow, besides, the very database the backup came from')
    .option('--keep-failed', 'keep the database that --create made although the restore failed')
    .option('--allow-unsealed', "restore although the manifest carries no seal and the product's manifests do")
    .option(
      '--table <pattern>',
      "only this table, view or sequence, with what it needs; sales.orders, 'sales.*' (repeatable)",
      (text: string, all: readonly string[] = []) => [...all, text],
    )
    .option('--with-referenced', 'with --table: also the tables that foreign keys name')
    .option('--into-schema <name>', 'a copy in a schema of its own, beside live tables, which are not touched')
    .addOption(new Option('--schema-only', 'definitions without rows').conflicts('dataOnly'))
    .option('--data-only', 'rows without definitions, into tables that exist and are empty')
    .option('--list', 'show what the backup holds, with rows and sizes; restores nothing')
    .addOption(
      new Option(
        '--files [name]',
        'the files of the backup instead of its database, of one bundle or of all; with --list: show them',
      ).conflicts(['to', 'create', 'roles']),
    )
    .option('--to-folder <folder>', 'with --files: where they go; a new or empty folder, unless --overwrite is given')
    .option(
      '--path <glob>',
      "with --files: only these; '.env', 'config/**' (repeatable)",
      (text: string, all: readonly string[] = []) => [...all, text],
    )
    .option('--special-bits', 'with --files: keep set-user-id, set-group-id and sticky bits')
    .addOption(
      new Option(
        '--roles',
        'the roles that the server of --to lacks, instead of a database; --dry-run shows the statements',
      ).conflicts(['create', 'overwrite']),
    )
    .option('--pause', 'pause the services that the provider names, and resume them at the end, whatever it is')
    .option('--resume', 'as --pause, and take over what a restore that died left paused')
    .addOption(
      new Option('--profile <name>', 'what the kind of target does not take is left out, each with a reason').choices(
        profileNames,
      ),
    )
    .option('--dry-run', 'show the plan, with all that is kept and left out; restores nothing')
    .option('--yes', 'do not ask')
    .addOption(destinationOption())
  addRetrieveOptions(command).action((backup: string, flags: Flags) =>
    choose(session => chosen(flags)(session, backup, flags)),
  )
}

function chosen(flags: Flags): (session: Session, backup: string, flags: Flags) => Promise<CommandResult> {
  if (flags.files !== undefined) return runRestoreFiles
  if (flags.roles) return runRestoreRoles
  return flags.list ? listContents : runRestore
}

async function runRestore(session: Session, name: string, flags: Flags): Promise<CommandResult> {
  if (flags.to === undefined)
    throw new UsageError("required option '--to <target>' not specified", 'see: lifeboat restore --help')
  if (flags.withReferenced && flags.table === undefined)
    throw new UsageError(
      '--with-referenced takes along what chosen tables name, and none was chosen',
      'choose some: --table sales.orders',
    )
  const target = resolveTarget(flags.to, session.io.env)
  if (target.exposed)
    session.warn(
      'a password on the command line can be read by everyone on this machine; use --to env:NAME or PGPASSWORD',
    )
  const lifeboat = await session.open(name)
  const { create, jobs, overwrite, overwriteSource, keepFailed, allowUnsealed, destination } = flags
  const options: RestoreOptions = {
    ...{ to: target.url, create, jobs, overwrite, overwriteSource, keepFailed, allowUnsealed, destination },
    ...{ tables: flags.table, withReferenced: flags.withReferenced, intoSchema: flags.intoSchema, only: onlyOf(flags) },
    ...{ pause: flags.pause, resume: flags.resume, retrieve: retrievalOf(flags) },
    profile: flags.profile === undefined ? undefined : await findProfile(flags.profile),
    signal: session.signal,
    onEvent: session.progress.onEvent,
  }
  const plan = await lifeboat.planRestore(name, options)
  if (flags.dryRun) {
    for (const warning of plan.warnings) session.warn(warning)
    return { status: exitStatus.done, document: { plan }, lines: [...renderPlan(plan), ...profileLines(plan)] }
  }
  for (const line of renderPlan(plan)) session.say(line)
  for (const warning of plan.warnings) session.warn(warning)
  if (!flags.yes) await confirmWith(session, () => agreed(session, plan))
  const result = await restoreAsPlanned()
  return { status: exitStatus.done, document: result, lines: renderRestored(result, session.colours) }

  // `latest` may be another backup by now; what was shown is what is restored.
  function restoreAsPlanned() {
    const planned = { ...options, onEvent: newEvents }
    if (isAddress(name, session.io.cwd)) return lifeboat.restore(name, planned)
    return lifeboat.restore(`${plan.product}/${plan.id}`, { ...planned, destination: plan.destination })
  }

  // A restore plans again, and says again what its plan warns of.
  function newEvents(event: BackupEvent): void {
    if (event.type === 'warning.raised' && plan.warnings.includes(event.message)) return
    session.progress.onEvent(event)
  }
}

function onlyOf({ schemaOnly, dataOnly }: Flags): RestoreOptions['only'] {
  if (schemaOnly) return 'schema'
  return dataOnly ? 'data' : undefined
}

async function agreed({ prompts, signal }: Session, plan: RestorePlan): Promise<boolean> {
  if (!plan.overwrite) return (await prompts.confirm(`Restore into ${plan.target}?`)) === true && !signal.aborted
  const database = plan.target.slice(plan.target.lastIndexOf('/') + 1)
  const typed = await prompts.text(`This drops objects in ${plan.target}. Type the database's name to go on:`)
  return typed?.trim() === database && !signal.aborted
}
