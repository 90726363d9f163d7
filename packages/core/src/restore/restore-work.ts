import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RestoreOptions } from '../api/restoring.js'
import type { ArchiveEntry } from '../archive/archive-header.js'
import type { EventListener } from '../events/backup-event.js'
import { type ConnectionTarget, parseConnectionUrl } from '../postgres/connection-target.js'
import { runGrants } from './partial-grants.js'
import type { PreparedRestore, RestoreJob } from './plan-restore.js'
import { runPgRestore, toleratedInPart } from './run-pg-restore.js'
import { runProfileStatements } from './run-profile-statements.js'
import type { SchemaCopy } from './schema-copy.js'
import { useList } from './select-entries.js'

/** A restore that is under way: what was decided, and what its steps share. */
export interface RestoreWork {
  readonly job: RestoreJob
  readonly options: RestoreOptions
  readonly prepared: PreparedRestore
  /** Set where tables go into a schema of their own. */
  readonly copy: SchemaCopy | undefined
  /** For definitions and large objects; gone when the restore ends. */
  readonly folder: string
  readonly jobs: number
  readonly emit: EventListener
  readonly timed: <T>(step: string, work: () => Promise<T>) => Promise<T>
  /** From now on the target is not what it was. */
  readonly touch: () => void
}

/** By whom pg_restore works, and whether what it makes gets the archive's owners. */
interface RestoringLogin {
  readonly target: ConnectionTarget
  readonly owners: readonly string[]
}

/** Entries of the archive that are restored from it; grants in which a role is missing are run statement by statement. */
export function keptEntries({ prepared: { selection, grants } }: RestoreWork): ArchiveEntry[] {
  return (selection?.kept ?? []).filter(entry => !grants.entries.has(entry.dumpId))
}

/** Runs pg_restore as the login that restores, and warns of what was left out. */
export async function restoreFrom(
  work: RestoreWork,
  file: string,
  more: readonly string[],
  { by, signal = work.options.signal }: { by?: RestoringLogin | undefined; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const { target, keepOwners, part, tools } = work.prepared
  const login = by ?? { target, owners: ownersOf(keepOwners) }
  const tolerate = part === undefined ? [] : toleratedInPart
  const options = [...login.owners, ...more]
  for (const complaint of await runPgRestore(tools, login.target, { file, options, tolerate, signal })) {
    if (!/transaction_timeout|already exists/.test(complaint.message))
      work.emit({
        type: 'warning.raised',
        message: `left out: ${complaint.command.slice(0, 120)} (${complaint.message})`,
      })
  }
}

/** Makes the definitions, by whoever may, and hands them over. */
export async function restoreDefinitions(work: RestoreWork, file: string, only: readonly string[]): Promise<void> {
  const { definer } = work.job
  const by = definer && { target: parseConnectionUrl(definer.url), owners: ownersOf(definer.keepOwners) }
  await work.timed('definitions', async () => {
    await restoreFrom(work, file, ['--section=pre-data', ...only], { by })
    await definer?.handOver()
  })
}

export async function prepareTarget({ prepared, options, timed }: RestoreWork): Promise<void> {
  const { target, preparation } = prepared
  if (preparation.length > 0)
    await timed('prepare the target', () => runProfileStatements(target, preparation, options.signal))
}

/** The grants that name roles which the target lacks, less these. */
export async function grantToRoles({ prepared, options, timed, emit }: RestoreWork): Promise<void> {
  const { target, grants } = prepared
  if (grants.statements.length === 0) return
  const refused = await timed('grants to the roles that are there', () =>
    runGrants(target, grants.statements, options.signal),
  )
  for (const { statement, why } of refused)
    emit({ type: 'warning.raised', message: `left out: ${statement.slice(0, 120)} (${why})` })
}

/** What pg_restore is told of a selection; nothing where all of the archive is restored. */
export async function onlyKept(work: RestoreWork): Promise<readonly string[]> {
  const { selection, grants } = work.prepared
  if (selection === undefined || selection.skipped.length + grants.entries.size === 0) return []
  return [await listFor(work, 'kept', keptEntries(work))]
}

/** Has pg_restore restore these entries alone. */
export async function listFor(work: RestoreWork, name: string, entries: readonly ArchiveEntry[]): Promise<string> {
  const file = join(work.folder, `${name}.list`)
  await writeFile(file, useList(entries), { mode: 0o600 })
  return `--use-list=${file}`
}

function ownersOf(keep: boolean): readonly string[] {
  return keep ? [] : ['--no-owner']
}
