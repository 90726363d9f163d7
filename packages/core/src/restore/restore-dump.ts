import type { ArchiveEntry } from '../archive/archive-header.js'
import { BackupError } from '../errors/backup-error.js'
import { progressing } from '../events/progressing.js'
import { plainBytes, readThrough } from '../repository/read-artifact.js'
import { tablesCreated } from './compare-counts.js'
import { CopyLoader } from './copy-loader.js'
import { dropNamedObjects } from './drop-named-objects.js'
import { dropTables } from './drop-tables.js'
import { planEarlyIndexes, tableName } from './early-indexes.js'
import { isDefinition, isOtherData } from './entry-kinds.js'
import { type LoadedArchive, loadArchive } from './load-archive.js'
import {
  grantToRoles,
  keptEntries,
  listFor,
  onlyKept,
  prepareTarget,
  type RestoreWork,
  restoreDefinitions,
  restoreFrom,
} from './restore-work.js'
import { WorkAhead } from './work-ahead.js'

/** Restores a dump: rows streamed into COPY, all else by pg_restore. Resolves to how many tables. */
export async function restoreDump(work: RestoreWork): Promise<number> {
  const ahead = new WorkAhead(work.options.signal)
  try {
    return await restoreAll(work, ahead)
  } finally {
    // Whatever it still does is for nothing when the restore has failed.
    await ahead.stop()
  }
}

async function restoreAll(work: RestoreWork, ahead: WorkAhead): Promise<number> {
  const { job, prepared, copy, jobs, emit, timed } = work
  const { plan, artifact } = prepared
  const { signal } = work.options
  const kept = keptEntries(work)
  const only = await onlyKept(work)
  if (plan.overwrite) await timed('read the backup through', () => readThrough(job.backup, artifact, { emit, signal }))
  const { loaded, front, indexed } = await loadRows(work, { kept, only, ahead })
  if (front === undefined || loaded.summary.toc === null) {
    await timed('pg_restore', () => restoreFrom(work, loaded.otherFile, [`--jobs=${jobs}`]))
    return 0
  }
  if (copy) {
    await timed('sequences, indexes, constraints', () => copy.finish(signal))
    return plan.tables ?? 0
  }
  const rest = kept.filter(isOtherData)
  if (rest.length > 0) {
    const list = await listFor(work, 'rest', rest)
    await timed('sequences and large objects', () => restoreFrom(work, loaded.otherFile, ['--section=data', list]))
  }
  if (kept.some(entry => entry.section === 'post-data' || entry.section === 'none'))
    await timed('indexes, constraints, triggers', async () => {
      await ahead.finish()
      const left = kept.filter(entry => !indexed.has(entry.dumpId))
      const list = await listFor(work, 'post-data', left)
      const which = indexed.size > 0 ? [list] : only
      await restoreFrom(work, front, ['--section=post-data', `--jobs=${jobs}`, ...which])
    })
  await grantToRoles(work)
  return plan.tables ?? 0
}

interface LoadedRows {
  readonly loaded: LoadedArchive
  /** An archive without data, for pg_restore; undefined where the archive's version is unknown. */
  readonly front: string | undefined
  /** Ids of the indexes that were made meanwhile; more may come until the work ahead is finished. */
  readonly indexed: ReadonlySet<number>
}

/** Streams the archive: definitions before the first row, rows into their tables, indexes of those that are in beside it. */
async function loadRows(
  work: RestoreWork,
  { kept, only, ahead }: { kept: readonly ArchiveEntry[]; only: readonly string[]; ahead: WorkAhead },
): Promise<LoadedRows> {
  const { job, options, prepared, copy, folder, jobs, emit, timed } = work
  const { plan, target, part, artifact } = prepared
  const { signal } = options
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
      const list = await listFor(work, `early-${entries[0]!.dumpId}`, entries)
      await restoreFrom(work, frontFile, ['--section=post-data', list], { signal: until })
      for (const entry of entries) indexed.add(entry.dumpId)
    })
  const loaded = await timed('definitions and rows', () =>
    loadArchive(watched, folder, {
      async contents(_contents, frontFile) {
        front = frontFile
        work.touch()
        await prepareTarget(work)
        if (copy) await timed('definitions', () => copy.createDefinitions(signal))
        else {
          if (part !== undefined) await timed('drop tables', () => dropTables(target, part.inTheWay, signal))
          else if (plan.overwrite)
            await timed('drop what the backup names', () => dropNamedObjects(target, kept, signal))
          if (kept.some(isDefinition)) await restoreDefinitions(work, frontFile, only)
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
        const recordedHash = hashes.get(tableName(schema, name))
        if (recordedHash !== undefined && recordedHash !== sha256) throw rowsDiffer(schema, name)
      },
      tableLoaded: table => {
        tablesLoaded++
        emit({ type: 'table.restored', schema: table.schema, name: table.name, rows: table.rows })
        const entries = early.get(tableName(table.schema, table.name))
        if (entries !== undefined) loadedTables.push(entries)
      },
    }),
  )
  return { loaded, front, indexed }
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
