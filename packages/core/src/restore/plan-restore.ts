import type { RestoreOptions, RestorePlan } from '../api/restoring.js'
import type { TableOfContents } from '../archive/archive-header.js'
import type { Unlock } from '../encryption/open-pgp.js'
import { BackupError } from '../errors/backup-error.js'
import { type ConnectionTarget, parseConnectionUrl } from '../postgres/connection-target.js'
import { choosePgDump, majorForArchive, type PgTools } from '../postgres/find-pg-tools.js'
import { type LocatedBackup, restorableArtifact } from '../repository/locate-artifact.js'
import type { Artifact } from '../repository/manifest.js'
import type { SealKeys } from '../seal/manifest-seal.js'
import { checkFitness } from './check-fitness.js'
import { countSelected, describeEntry, describePart, describeSkipped, isObject } from './describe-selection.js'
import { inspectForProfile } from './inspect-for-profile.js'
import { findFilled, inspectObjects, noObjects } from './inspect-objects.js'
import { inspectTarget, isSameDatabase, type TargetFacts } from './inspect-target.js'
import { type PartialGrants, planPartialGrants } from './partial-grants.js'
import { readContents } from './read-contents.js'
import { requireSeal } from './require-seal.js'
import { type ProfileStatement, rolesCreated } from './restore-profile.js'
import { rolesNamed } from './roles-named.js'
import { type EntryRule, type EntrySelection, selectEntries } from './select-entries.js'
import { asksForPart, type PartSelection, selectPart } from './select-part.js'

/** A plan with what carrying it out needs. */
export interface PreparedRestore {
  readonly plan: RestorePlan
  readonly target: ConnectionTarget
  readonly facts: TargetFacts
  readonly artifact: Artifact
  readonly toc: TableOfContents | undefined
  /** What of the archive is restored; undefined where its version is unknown, which goes in whole. */
  readonly selection: EntrySelection | undefined
  /** Grants that name roles which the target lacks, less these. */
  readonly grants: PartialGrants
  /** Set where not the whole backup is asked for. */
  readonly part: PartSelection | undefined
  /** What the profile runs before the first definition. */
  readonly preparation: readonly ProfileStatement[]
  readonly tools: PgTools
  /** Owners stay only where every one of them exists and the login may hand objects to them. */
  readonly keepOwners: boolean
}

export interface RestoreJob {
  readonly backup: LocatedBackup
  readonly unlock: Unlock
  readonly sealKeys: SealKeys
  /** The address of the product's source, where a configuration knows it. */
  readonly source: ConnectionTarget | undefined
  readonly findPgTools: () => Promise<PgTools[]>
  /** What to leave out of the archive. Default: nothing. */
  readonly rules?: readonly EntryRule[] | undefined
  /** Makes the definitions where the target's own login may not, and hands them over to it. Default: that login. */
  readonly definer?: Definer | undefined
  /** Count every table at the end. Default: true. */
  readonly countRows?: boolean | undefined
  /** Where a folder for definitions and large objects is made. Default: the system's for temporary files. */
  readonly workParent?: string | undefined
}

/** A login that makes definitions for another one, which then loads rows and builds indexes. */
export interface Definer {
  /** A `postgres://` address of the target. */
  readonly url: string
  /** Whether objects get the owners that the archive names. */
  readonly keepOwners: boolean
  /** Called when the definitions are there and no row is. */
  handOver(): Promise<void>
}

/**
 * Decides what a restore would do; changes nothing.
 * @throws BackupError `seal-wrong`, `seal-missing`, `target-not-empty`, `target-is-source`, `target-unfit`, and what opening the backup throws
 */
export async function prepareRestore(job: RestoreJob, options: RestoreOptions): Promise<PreparedRestore> {
  const { backup } = job
  const { manifest } = backup
  const create = options.create ?? false
  const overwrite = options.overwrite ?? false
  const partial = asksForPart(options)
  const target = parseConnectionUrl(options.to)
  const artifact = restorableArtifact(manifest)
  if (artifact === undefined)
    throw new BackupError('backup-missing', `${manifest.product}/${manifest.id} holds no database`)
  if (artifact.kind === 'export' && (options.intoSchema !== undefined || options.only === 'data'))
    throw new BackupError(
      'selection-invalid',
      `${manifest.product}/${manifest.id} is an export: tables of it come back with their definitions, and under their own names`,
      {
        hint: 'restore the tables into a new database (--create --table …), and copy the rows from there',
      },
    )
  const checking = requireSeal(manifest, job.sealKeys, options)
  checking.catch(() => {})
  const toc = await readContents(backup, artifact, job.unlock, options.signal)
  // After the first bytes were opened: a wrong passphrase is a wrong key, not a wrong seal.
  const sealWarnings = await checking
  const { profile } = options
  const facts = await inspectTarget(target, create, options.signal, profile?.managedSchemas)
  if (facts.readOnly)
    throw new BackupError('target-unfit', `${target.description} is read-only`, {
      hint: 'a standby, or a project that its provider made read-only because its disk is full: make room first',
    })
  const targetIsSource =
    !create && job.source !== undefined && (await isSameDatabase(facts.identity, target, job.source, options.signal))
  if (create && facts.exists) {
    throw new BackupError('target-not-empty', `the database ${target.description} exists already`, {
      hint: 'name a new database, or restore into the existing one without --create',
    })
  }
  // A part is added to what the source has; only its overwrite replaces something, and a copy never does.
  const replaces = partial ? overwrite && options.intoSchema === undefined : true
  if (targetIsSource && replaces && !(overwrite && options.overwriteSource)) {
    throw new BackupError('target-is-source', `${target.description} is the database that this backup was taken of`, {
      hint: 'restore beside it (--create with a new name); to replace the live data, give both --overwrite and --overwrite-source',
    })
  }
  if (facts.objects > 0 && !overwrite && (!partial || isWholeSchema(options))) {
    throw new BackupError(
      'target-not-empty',
      `${target.description} is not empty: ${facts.objects} tables, functions and types`,
      {
        hint: 'restore into a new database (--create), or give --overwrite to drop what the backup names',
      },
    )
  }
  const objects = create || !partial ? noObjects : await inspectObjects(target, options.signal)
  const { managedSchemas } = profile ?? {}
  const profileFacts =
    managedSchemas && (await inspectForProfile(target, { create, managedSchemas, signal: options.signal }))
  const rules = [...(profile && profileFacts ? profile.rules(profileFacts) : []), ...(job.rules ?? [])]
  const part = toc && partial ? selectPart(toc, { ...options, overwrite }, objects, rules) : undefined
  const selection = part?.selection ?? (toc && selectEntries(toc, rules))
  const preparation = profile && profileFacts ? profile.prepare(selection?.kept ?? [], profileFacts) : []
  if (selection === undefined && (partial || rules.length > 0)) {
    throw new BackupError(
      'selection-invalid',
      `${manifest.product}/${manifest.id} cannot be restored in part: its archive is of a version that is not known here`,
      { hint: 'restore the whole backup into a new database (--create), or update lifeboat' },
    )
  }
  if (part !== undefined && options.only === 'data') await checkFilled(target, part, options)
  const roles = new Set([...facts.roles, ...rolesCreated(preparation)])
  const { warnings, keepOwners } = checkFitness(
    manifest.source,
    selection?.kept,
    { ...facts, roles },
    target,
    job.definer,
  )
  warnings.unshift(...sealWarnings)
  warnings.push(...partWarnings(options, facts))
  if (artifact.kind === 'export')
    warnings.push(
      `an export is unpacked first: ${artifact.plainBytes} bytes lie in a temporary folder, in clear, until the restore ends`,
    )
  const archiveMajor = toc ? majorForArchive(toc.header.version) : Number.parseInt(manifest.source.pgDumpVersion, 10)
  const tools = chooseRestoreTools(await job.findPgTools(), archiveMajor, facts.serverMajor)
  return {
    plan: {
      product: manifest.product,
      id: manifest.id,
      destination: backup.destination,
      createdAt: manifest.createdAt,
      target: target.description,
      create,
      overwrite,
      targetIsSource,
      ...countSelected(manifest, selection),
      plainBytes: artifact.plainBytes,
      ...besides(manifest),
      part: part === undefined ? null : describePart(part, manifest, options),
      skipped: describeSkipped(selection),
      profile: profile
        ? {
            name: profile.name,
            kept: (selection?.kept ?? []).filter(isObject).map(describeEntry),
            prepare: preparation.map(one => one.why),
          }
        : null,
      warnings,
    },
    target,
    facts,
    artifact,
    toc,
    selection,
    grants: planPartialGrants(selection?.kept ?? [], entry =>
      [...rolesNamed([entry], /^(ACL|DEFAULT ACL)$/)].some(role => !roles.has(role)),
    ),
    part,
    preparation,
    tools,
    keepOwners,
  }
}

/** Files and roles, which have restores of their own. */
function besides({ artifacts }: LocatedBackup['manifest']): Pick<RestorePlan, 'besides'> {
  const others = artifacts.filter(one => one.kind === 'files' || one.kind === 'roles')
  if (others.length === 0) return {}
  return { besides: others.map(one => (one.kind === 'files' ? `files: ${one.name}` : one.name)) }
}

/** Every definition goes where nothing may be yet. */
function isWholeSchema({ only, tables, intoSchema }: RestoreOptions): boolean {
  return only === 'schema' && tables === undefined && intoSchema === undefined
}

/** Rows alone are added to nothing: what is there is the caller's to empty. */
async function checkFilled(target: ConnectionTarget, part: PartSelection, options: RestoreOptions): Promise<void> {
  const entries = part.selection.kept.filter(entry => entry.description === 'TABLE DATA')
  const places = entries.map(entry => ({ schema: options.intoSchema ?? entry.namespace ?? '', name: entry.tag }))
  const filled = await findFilled(target, places, options.signal)
  if (filled.length === 0) return
  const names = filled.slice(0, 5).map(({ schema, name }) => `${schema}.${name}`)
  const more = filled.length > 5 ? ` and ${filled.length - 5} more` : ''
  throw new BackupError('target-not-empty', `the target holds rows already in ${names.join(', ')}${more}`, {
    hint: 'empty them first, or restore beside them (--into-schema recovered) and merge by hand',
  })
}

function partWarnings({ only, intoSchema }: RestoreOptions, facts: TargetFacts): string[] {
  const warnings: string[] = []
  if (intoSchema !== undefined)
    warnings.push(
      `triggers, rules, policies and grants stay behind: the copy in ${intoSchema} is for its owner to look at`,
    )
  if (only === 'data' && intoSchema === undefined && !facts.superuser)
    warnings.push("the login may not be allowed to switch triggers off: then the target's triggers fire for each row")
  return warnings
}

/** pg_restore must know the archive's version; of those that do, the one nearest to the target's server. */
function chooseRestoreTools(tools: readonly PgTools[], archiveMajor: number, serverMajor: number): PgTools {
  return choosePgDump(tools, Math.max(archiveMajor, Math.min(serverMajor, tools.at(-1)?.major ?? 0)))
}
