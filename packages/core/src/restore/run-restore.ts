import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RestoreOptions, RestoreResult } from '../api/restoring.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { temporaryPlace, writingTo } from '../errors/disk-error.js'
import { emitterFor } from '../events/backup-event.js'
import type { TableRecord } from '../repository/manifest.js'
import { compareCounts, splitComparable } from './compare-counts.js'
import { findOrphans } from './find-orphans.js'
import { type PreparedRestore, prepareRestore, type RestoreJob } from './plan-restore.js'
import { restoreDump } from './restore-dump.js'
import { restoreExport } from './restore-export.js'
import type { RestoreWork } from './restore-work.js'
import { planSchemaCopy, type SchemaCopy } from './schema-copy.js'
import { createDatabase } from './target-database.js'
import { putBack, undoRestore } from './undo-restore.js'

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
  const copy = planCopy(prepared, options)
  for (const message of plan.warnings) emit({ type: 'warning.raised', message })
  const parent = job.workParent ?? tmpdir()
  const folder = await writingTo(temporaryPlace(parent), () => mkdtemp(join(parent, 'lifeboat-restore-')))
  const jobs = options.jobs ?? defaultJobs
  const reached = { created: false, touched: false }
  const touch = () => {
    reached.touched = true
  }
  const work: RestoreWork = { job, options, prepared, copy, folder, jobs, emit, timed, touch }
  try {
    if (plan.create) {
      await timed('create database', () => createDatabase(target, signal))
      reached.created = true
    }
    const tables = await (prepared.artifact.kind === 'export' ? restoreExport(work) : restoreDump(work))
    await countRows(work)
    const rows = plan.rows ?? 0
    // The archive brings the source's own default privileges; where it has none, the target's come back.
    if (part !== undefined || !selection?.kept.some(entry => entry.description === 'DEFAULT ACL'))
      await putBack(work, reached)
    return { plan, tables, rows, steps, durationMs: performance.now() - started }
  } catch (error) {
    throw await undoRestore(work, reached, error)
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
}

/** Counts every table that can be, and looks for rows whose keys lead nowhere where only rows were restored. */
async function countRows({ job, options, prepared, jobs, emit, timed }: RestoreWork): Promise<void> {
  const { target } = prepared
  const { signal } = options
  const { comparable, others } = splitComparable(job.backup.manifest, prepared)
  if (others.length > 0)
    emit({
      type: 'warning.raised',
      message: `loaded, but not counted: ${others.map(one => `${one.schema}.${one.name}`).join(', ')} (an extension's own table, or a partition loaded through its root)`,
    })
  const placed = comparable.map(
    (table): TableRecord => (options.intoSchema === undefined ? table : { ...table, schema: options.intoSchema }),
  )
  if (job.countRows ?? true) await timed('count rows', () => compareCounts(placed, target, jobs, signal))
  if (options.only !== 'data') return
  await timed('check foreign keys', async () => {
    for (const { table, constraint, rows } of await findOrphans(target, placed, signal))
      emit({ type: 'warning.raised', message: `${rows} rows of ${table} lack what their key ${constraint} refers to` })
  })
}

function planCopy(
  { toc, selection, plan, target }: PreparedRestore,
  { intoSchema }: Pick<RestoreOptions, 'intoSchema'>,
): SchemaCopy | undefined {
  if (toc === undefined || selection === undefined || intoSchema === undefined) return undefined
  const { entries } = toc
  return planSchemaCopy(target, { entries, kept: selection.kept, schema: intoSchema, overwrite: plan.overwrite })
}
