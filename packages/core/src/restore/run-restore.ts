import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RestoreOptions, RestoreResult } from '../api/restoring.js'
import type { ArchiveEntry } from '../archive/archive-header.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { cancellation, throwIfCancelled } from '../errors/cancelled.js'
import { diskError, temporaryPlace, writingTo } from '../errors/disk-error.js'
import { emitterFor } from '../events/backup-event.js'
import { progressing } from '../events/progressing.js'
import { databaseError } from '../postgres/connection.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import type { TableRecord } from '../repository/manifest.js'
import { plainBytes, readThrough } from '../repository/read-artifact.js'
import { compareCounts, splitComparable, tablesCreated } from './compare-counts.js'
import { CopyLoader } from './copy-loader.js'
import { dropNamedObjects } from './drop-named-objects.js'
import { dropTables } from './drop-tables.js'
import { planEarlyIndexes, tableName } from './early-indexes.js'
import { isDefinition, isOtherData } from './entry-kinds.js'
import { findOrphans } from './find-orphans.js'
import { loadArchive } from './load-archive.js'
import { runGrants } from './partial-grants.js'
import { prepareRestore, type RestoreJob } from './plan-restore.js'
import { runPgRestore, toleratedInPart } from './run-pg-restore.js'
import { runProfileStatements, undoProfileStatements } from './run-profile-statements.js'
import { planSchemaCopy, type SchemaCopy } from './schema-copy.js'
import { useList } from './select-entries.js'
import { createDatabase, dropDatabase } from './target-database.js'
import { unpackExport } from './unpack-export.js'
import { WorkAhead } from './work-ahead.js'

const defaultJobs = 2

/**
 * Restores a backup: definitions by pg_restore, rows streamed into COPY as they are decrypted, then indexes and
 * constraints by `pg_restore -j`, then every table counted. Nothing of the rows touches the local disk.
 * @throws BackupError `restore-failed` and what {@link prepareRestore} throws
 */
export async function runRestore(job: RestoreJob, options: RestoreOptions): Promise<RestoreResult> {
  const emit = emitterFor(options.onEvent)
  const { signal } = options
  const started = performance.now()
  const steps: { step: string; durationMs: number }[] = []
  const prepared = await timed('plan', () => prepareRestore(job, options))
  const { plan, target, selection, part } = prepared
  const copy = planCopy()
  for (const message of plan.warnings) emit({ type: 'warning.raised', message })
  const parent = job.workParent ?? tmpdir()
  const folder = await writingTo(temporaryPlace(parent), () => mkdtemp(join(parent, 'lifeboat-restore-')))
  let created = false
  let touched = false
  try {
    if (plan.create) {
      await timed('create database', () => createDatabase(target, signal))
      created = true
    }
    const tables = await load(folder)
    const { comparable, others } = splitComparable(job.backup.manifest, prepared)
    if (others.length > 0)
      emit({
        type: 'warning.raised',
        message: `loaded, but not counted: ${others.map(one => `${one.schema}.${one.name}`).join(', ')} (an extension's own table, or a partition loaded through its root)`,
      })
    if (job.countRows ?? true)
      await timed('count rows', () =>
        compareCounts(comparable.map(placed), target, options.jobs ?? defaultJobs, signal),
      )
    if (options.only === 'data') await timed('check foreign keys', () => warnOfOrphans(comparable.map(placed)))
    const rows = plan.rows ?? 0
    // The archive brings the source's own default privileges; where it has none, the target's come back.
    if (part !== undefined || !selection?.kept.some(entry => entry.description === 'DEFAULT ACL')) await putBack()
    return { plan, tables, rows, steps, durationMs: performance.now() - started }
  } catch (error) {
    throw await undo(error)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }

  async function timed<T>(step: string, work: () => Promise<T>): Promise<T> {
    throwIfCancelled(signal)
    const before = performance.now()
    emit({ type: 'step.started', step })
    const result = await work()
    const durationMs = performance.now() - before
    steps.push({ step, durationMs })
    emit({ type: 'step.finished', step, durationMs })
    return result
  }

  async function load(work: string): Promise<number> {
    const ahead = new WorkAhead(signal)
    try {
      return await loadAll(work, ahead)
    } finally {
      // Whatever it still does is for nothing when the restore has failed.
      await ahead.stop()
    }
  }

  async function loadAll(work: string, ahead: WorkAhead): Promise<number> {
    const jobs = options.jobs ?? defaultJobs
    const { artifact, tools, keepOwners } = prepared
    // Grants in which a role is missing are run here, statement by statement.
    const kept = (selection?.kept ?? []).filter(entry => !prepared.grants.entries.has(entry.dumpId))
    const tolerate = part === undefined ? [] : toleratedInPart
    const owners = keepOwners ? [] : ['--no-owner']
    const definer = job.definer && {
      target: parseConnectionUrl(job.definer.url),
      owners: job.definer.keepOwners ? [] : ['--no-owner'],
    }
    const only = await listOf(join(work, 'kept.list'))
    const restore = async (file: string, more: readonly string[], by = { target, owners }, until = signal) => {
      const options = [...by.owners, ...more]
      for (const complaint of await runPgRestore(tools, by.target, { file, options, tolerate, signal: until })) {
        if (!/transaction_timeout|already exists/.test(complaint.message))
          emit({
            type: 'warning.raised',
            message: `left out: ${complaint.command.slice(0, 120)} (${complaint.message})`,
          })
      }
    }
    if (artifact.kind === 'export') {
      const unpacked = join(work, 'export')
      const watched = progressing(plainBytes(job.backup, artifact, job.unlock, signal), {
        ...{ stage: 'restore', totalBytes: artifact.plainBytes, emit },
      })
      await timed('unpack', () => unpackExport(watched, unpacked, signal))
      touched = true
      if (part !== undefined) await timed('drop tables', () => dropTables(target, part.inTheWay, signal))
      else if (plan.overwrite) await timed('drop what the backup names', () => dropNamedObjects(target, kept, signal))
      if (prepared.preparation.length > 0)
        await timed('prepare the target', () => runProfileStatements(target, prepared.preparation, signal))
      await timed('definitions', async () => {
        await restore(unpacked, ['--section=pre-data', ...only], definer)
        await job.definer?.handOver()
      })
      await timed('rows, indexes, constraints, triggers', () =>
        restore(unpacked, ['--section=data', '--section=post-data', `--jobs=${jobs}`, ...only]),
      )
      await grant()
      return plan.tables ?? 0
    }
    if (plan.overwrite)
      await timed('read the backup through', () => readThrough(job.backup, artifact, { emit, signal }))
    let tablesLoaded = 0
    const watched = progressing(plainBytes(job.backup, artifact, job.unlock, signal), {
      stage: 'restore',
      totalBytes: artifact.plainBytes,
      emit,
      detail: () => (plan.tables === null ? '' : `${tablesLoaded} of ${plan.tables} tables`),
    })
    const wanted = new Set(kept.map(entry => entry.dumpId))
    let front: string | undefined
    // While the rows of one table load, the server can index those before it (docs/decisions/0013-indexes-while-loading.md).
    const early = jobs > 1 && part === undefined ? planEarlyIndexes(kept) : new Map<string, ArchiveEntry[]>()
    const indexed = new Set<number>()
    const loadedTables: (readonly ArchiveEntry[])[] = []
    const { tables: recorded } = job.backup.manifest
    const hashes = new Map(recorded?.map(table => [tableName(table.schema, table.name), table.sha256]))
    const indexAhead = (entries: readonly ArchiveEntry[], frontFile: string) =>
      ahead.add(async until => {
        const list = join(work, `early-${entries[0]!.dumpId}.list`)
        await writeFile(list, useList(entries), { mode: 0o600 })
        await restore(frontFile, ['--section=post-data', `--use-list=${list}`], undefined, until)
        for (const entry of entries) indexed.add(entry.dumpId)
      })
    const loaded = await timed('definitions and rows', () =>
      loadArchive(watched, work, {
        async contents(_contents, frontFile) {
          front = frontFile
          touched = true
          if (prepared.preparation.length > 0)
            await timed('prepare the target', () => runProfileStatements(target, prepared.preparation, signal))
          if (copy) await timed('definitions', () => copy.createDefinitions(signal))
          else {
            if (part !== undefined) await timed('drop tables', () => dropTables(target, part.inTheWay, signal))
            else if (plan.overwrite)
              await timed('drop what the backup names', () => dropNamedObjects(target, kept, signal))
            if (kept.some(isDefinition))
              await timed('definitions', async () => {
                await restore(frontFile, ['--section=pre-data', ...only], definer)
                await job.definer?.handOver()
              })
          }
          return CopyLoader.open(target, {
            sessions: Math.max(1, jobs),
            created: tablesCreated(kept),
            // Rows that go into tables with triggers and foreign keys must not meet these half loaded.
            quiet: options.only === 'data' || (options.profile !== undefined && copy === undefined),
            signal,
          })
        },
        placeRows: entry => {
          // Not before more rows come: what is left when they end goes to several connections at once.
          if (front !== undefined) for (const entries of loadedTables.splice(0)) indexAhead(entries, front)
          return wanted.has(entry.dumpId) ? (copy?.placeRows(entry) ?? entry) : undefined
        },
        tableSent: ({ schema, name, sha256 }) => {
          const wanted = hashes.get(tableName(schema, name))
          if (wanted !== undefined && wanted !== sha256) throw rowsDiffer(schema, name)
        },
        tableLoaded: table => {
          tablesLoaded++
          emit({ type: 'table.restored', schema: table.schema, name: table.name, rows: table.rows })
          const entries = early.get(tableName(table.schema, table.name))
          if (entries !== undefined) loadedTables.push(entries)
        },
      }),
    )
    if (front === undefined || loaded.summary.toc === null) {
      await timed('pg_restore', () => restore(loaded.otherFile, [`--jobs=${jobs}`]))
      return 0
    }
    if (copy) {
      await timed('sequences, indexes, constraints', () => copy.finish(signal))
      return plan.tables ?? 0
    }
    const rest = kept.filter(isOtherData)
    if (rest.length > 0) {
      const list = join(work, 'rest.list')
      await writeFile(list, useList(rest), { mode: 0o600 })
      await timed('sequences and large objects', () =>
        restore(loaded.otherFile, ['--section=data', `--use-list=${list}`]),
      )
    }
    const frontFile = front
    if (kept.some(entry => entry.section === 'post-data' || entry.section === 'none'))
      await timed('indexes, constraints, triggers', async () => {
        await ahead.finish()
        const left = kept.filter(entry => !indexed.has(entry.dumpId))
        const list = join(work, 'post-data.list')
        await writeFile(list, useList(left), { mode: 0o600 })
        await restore(frontFile, [
          '--section=post-data',
          `--jobs=${jobs}`,
          ...(indexed.size > 0 ? [`--use-list=${list}`] : only),
        ])
      })
    await grant()
    return plan.tables ?? 0
  }

  async function grant(): Promise<void> {
    const { statements } = prepared.grants
    if (statements.length === 0) return
    const refused = await timed('grants to the roles that are there', () => runGrants(target, statements, signal))
    for (const { statement, why } of refused)
      emit({ type: 'warning.raised', message: `left out: ${statement.slice(0, 120)} (${why})` })
  }

  async function warnOfOrphans(tables: readonly TableRecord[]): Promise<void> {
    for (const { table, constraint, rows } of await findOrphans(target, tables, signal))
      emit({ type: 'warning.raised', message: `${rows} rows of ${table} lack what their key ${constraint} refers to` })
  }

  function planCopy(): SchemaCopy | undefined {
    if (prepared.toc === undefined || selection === undefined || options.intoSchema === undefined) return undefined
    const { entries } = prepared.toc
    return planSchemaCopy(target, {
      ...{ entries, kept: selection.kept, schema: options.intoSchema, overwrite: plan.overwrite },
    })
  }

  function placed(table: TableRecord): TableRecord {
    return options.intoSchema === undefined ? table : { ...table, schema: options.intoSchema }
  }

  /** What pg_restore is told of a selection; nothing where all of the archive is restored. */
  async function listOf(file: string): Promise<readonly string[]> {
    if (selection === undefined || selection.skipped.length + prepared.grants.entries.size === 0) return []
    const listed = selection.kept.filter(entry => !prepared.grants.entries.has(entry.dumpId))
    await writeFile(file, useList(listed), { mode: 0o600 })
    return [`--use-list=${file}`]
  }

  /** What the profile had set aside; said where it did not work. */
  async function putBack(): Promise<void> {
    if (!touched || (await undoProfileStatements(target, prepared.preparation))) return
    const why = prepared.preparation.filter(one => one.undo !== undefined).map(one => one.undo)
    emit({ type: 'warning.raised', message: `not put back on the target: ${why.join('; ')}` })
  }

  async function undo(error: unknown): Promise<unknown> {
    if (!created) await putBack()
    if (created && !options.keepFailed) {
      const dropped = await dropDatabase(target).then(
        () => true,
        // The failure that led here is the one to report; that the database stays is said with it.
        () => false,
      )
      return asRestoreError(
        error,
        dropped
          ? '; the new database was dropped again'
          : `; ${target.description} is incomplete and could not be dropped`,
      )
    }
    if (copy && touched) {
      const gone = !options.keepFailed && (await copy.remove())
      return asRestoreError(
        error,
        gone ? '; the new schema was dropped again' : `; what is in the schema ${copy.schema} is incomplete`,
      )
    }
    return asRestoreError(error, touched || created ? `; ${target.description} is incomplete` : '')
  }

  function asRestoreError(error: unknown, fate: string): unknown {
    if (signal?.aborted) return cancellation(signal)
    const wrapped = isBackupError(error)
      ? error
      : (diskError(error, temporaryPlace(folder)) ?? databaseError(error, target, signal))
    return new BackupError(wrapped.code, `${wrapped.message}${fate}`, { hint: wrapped.hint, cause: wrapped })
  }
}

function rowsDiffer(schema: string, name: string): BackupError {
  return new BackupError(
    'restore-failed',
    `the rows of ${schema}.${name} that were sent are not those that the manifest records`,
    {
      hint: '`lifeboat verify` tells whether the backup is sound; if it is, restore again, on another machine if it recurs',
    },
  )
}
