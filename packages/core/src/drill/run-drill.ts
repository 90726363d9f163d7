import type { RunOptions } from '../api/run-options.js'
import type { DrillReport, Finding } from '../api/verification.js'
import type { TableOfContents } from '../archive/archive-header.js'
import type { ProductConfig } from '../config/config-schema.js'
import type { Unlock } from '../encryption/open-pgp.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { diskError, temporaryPlace } from '../errors/disk-error.js'
import type { ErrorCode } from '../errors/error-code.js'
import { emitterFor } from '../events/backup-event.js'
import { checkExpectedObjects } from '../live/check-expected-objects.js'
import { runQueries } from '../live/run-queries.js'
import { connect } from '../postgres/connection.js'
import { type ConnectionTarget, parseConnectionUrl } from '../postgres/connection-target.js'
import type { PgTools } from '../postgres/find-pg-tools.js'
import { type LocatedBackup, restorableArtifact } from '../repository/locate-artifact.js'
import type { DrillRecord } from '../repository/record-schema.js'
import { readContents } from '../restore/read-contents.js'
import { runRestore } from '../restore/run-restore.js'
import { describeEntry, selectEntries } from '../restore/select-entries.js'
import type { SealKeys } from '../seal/manifest-seal.js'
import { checkExpectations } from '../verify/check-expectations.js'
import { historyFindings } from '../verify/check-history.js'
import { sealFindings } from '../verify/check-seal.js'
import { type Checked, checked } from '../verify/checked.js'
import { critical, isSound } from '../verify/finding.js'
import { backupFacts } from '../verify/record-of.js'
import { estimateRestore } from './estimate-restore.js'
import { judgeObjectives } from './judge-objectives.js'
import { prove } from './prove.js'
import { otherArtifacts, proveOtherArtifact } from './prove-others.js'
import { quarantine, withoutSourceRoles } from './quarantine.js'
import { makeScratchDatabase, type ScratchDatabase, sweepScratchDatabases } from './scratch-database.js'
import { type OpenScratchServer, openScratchServer, type ScratchConfig } from './scratch-server.js'
import { startTimeline } from './timeline.js'
import { makeWorkFolder, sweepWorkFolders, type WorkFolder } from './work-folder.js'

export interface DrillJob {
  /** Finds the backup; timed as the first step. */
  readonly find: () => Promise<LocatedBackup>
  readonly unlock: () => Promise<Unlock>
  readonly sealKeys: () => Promise<SealKeys>
  readonly config: Pick<ProductConfig, 'verify' | 'drill' | 'objectives' | 'destinations'>
  readonly scratch: ScratchConfig
  readonly source: ConnectionTarget | undefined
  readonly findPgTools: () => Promise<PgTools[]>
  readonly now: () => Date
  /** Between restore and checks; for tests that change what was restored. */
  readonly restored?: (url: string) => Promise<void>
}

/** Failures that say something about the backup; any other one says that the drill could not be held. */
const aboutTheBackup: ReadonlySet<ErrorCode> = new Set([
  ...(['restore-failed', 'object-damaged', 'object-missing', 'archive-truncated'] as const),
  ...(['archive-invalid', 'seal-wrong', 'counts-differ', 'dump-failed'] as const),
])

/** A server that does not take the rows of a backup says something about the backup. */
function rowsRefused(error: unknown): never {
  if (!isBackupError(error, 'database-refused')) throw error
  const hint = 'what it lacks may be of an extension that drills leave out: drill.allowExtensions keeps it'
  throw new BackupError('restore-failed', error.message, { hint: error.hint ?? hint, cause: error })
}

/** How the steps of a restore are called in a drill, where they say what streams together. */
const stepNames: Readonly<Record<string, string>> = {
  plan: 'plan the restore',
  'definitions and rows': 'fetch, decrypt, check and load, streamed together',
  definitions: 'definitions',
}

/**
 * Rehearses a restore: the backup goes into a scratch database, is checked and compared there, and the scratch is
 * removed, whatever happens. Findings are values; it throws when the drill could not be held.
 * @throws BackupError `target-unfit`, `target-is-source`, `tool-missing`, `key-missing`, `wrong-key`, and what a store throws
 */
export async function runDrill(job: DrillJob, options: RunOptions): Promise<DrillReport> {
  const { signal } = options
  const emit = emitterFor(options.onEvent)
  const timeline = startTimeline(emit, stepNames)
  const startedAt = job.now()
  const findings: Finding[] = []
  const checks: Checked[] = []
  let server: OpenScratchServer | undefined
  let database: ScratchDatabase | undefined
  let work: WorkFolder | undefined
  let proof: DrillRecord['proof'] = null
  let recoveryMs: number | undefined
  let toc: TableOfContents | undefined

  const backup = await timeline.timed('find', job.find)
  const { manifest } = backup
  const rules = [quarantine(job.config.drill.allowExtensions), withoutSourceRoles(job.scratch.kind === 'local')]
  try {
    work = await timeline.timed('sweep what killed drills left', async () => {
      for (const folder of await sweepWorkFolders()) warn(`${folder} of a drill that was killed was removed`)
      return makeWorkFolder({ product: manifest.product, startedAt: startedAt.toISOString() })
    })
    await rehearse(work)
  } catch (error) {
    throwIfCancelled(signal)
    if (!isBackupError(error)) throw (work && diskError(error, temporaryPlace(work.path, 'target-unfit'))) ?? error
    if (!aboutTheBackup.has(error.code)) throw error
    findings.push(critical(error.code, `the drill failed: ${error.message}`, error.hint ?? null))
  } finally {
    await timeline.timed('tear down', tearDown)
  }
  return report()

  async function rehearse(folder: WorkFolder): Promise<void> {
    const unlock = await job.unlock()
    const artifact = restorableArtifact(manifest)
    if (artifact === undefined)
      throw new BackupError('backup-missing', `${manifest.product}/${manifest.id} holds no database`)
    toc = await timeline.timed('read the table of contents', () => readContents(backup, artifact, unlock, signal))
    const place = await timeline.timed('open the scratch server', async () => {
      if (job.scratch.kind === 'server' && job.source === undefined && job.scratch.allowSourceServer === undefined)
        warn(
          "the source's address is not at hand, so nobody checked that drill.url is another server than the source's",
        )
      const opened = await openScratchServer(job.scratch, {
        databaseBytes: manifest.source.databaseBytes,
        sourceMajor: Number.parseInt(manifest.source.serverVersion, 10),
        workFolder: folder.path,
        source: job.source,
        signal,
      })
      server = opened
      await sweepServer(opened)
      return opened
    })
    const made = await timeline.timed('create the database', () => makeScratchDatabase(place, toc, signal))
    database = made
    const restore = {
      ...{ backup, unlock, sealKeys: await job.sealKeys(), source: undefined, findPgTools: job.findPgTools },
      ...{ rules: toc ? rules : [], definer: made.definer, countRows: false, workParent: folder.path },
    }
    const { jobs } = job.config.drill
    await runRestore(restore, { to: made.url, jobs, signal, onEvent: timeline.onEvent }).catch(rowsRefused)
    recoveryMs = timeline.elapsedMs()
    await job.restored?.(made.url)
    await timeline.timed('checks', () => check(made.url))
    await timeline.timed('proof', async () => {
      const found = await prove(
        {
          ...{ backup, unlock, toc, rules, server: place, database: made, workFolder: folder.path },
          ...{ kind: job.config.drill.proof, tools: await job.findPgTools(), emit, signal },
        },
        signal,
      )
      proof = found.proof
      findings.push(...found.findings)
      checks.push(checked('proof', found.findings, found.detail))
    })
    for (const other of otherArtifacts(backup)) {
      const found = await timeline.timed(`unpack ${other.name}`, () =>
        proveOtherArtifact({ backup, unlock, workFolder: folder.path }, other, signal),
      )
      checks.push(found)
      findings.push(...found.findings)
    }
  }

  async function check(url: string): Promise<void> {
    const { verify } = job.config
    const restored = (done: readonly Checked[]) => done.map(check => ({ ...check, name: `restored ${check.name}` }))
    const add = (done: readonly Checked[]) => {
      checks.push(...done)
      findings.push(...done.flatMap(one => one.findings))
    }
    add([checked('seal', await sealFindings(backup, await job.sealKeys(), signal))])
    add(checkExpectations(manifest, verify))
    if (Object.hasOwn(job.config.destinations, backup.destination)) {
      // Its age is judged by the objectives: also that of a backup which is not the newest.
      const expected = { rpoMs: undefined, now: startedAt, criticalTables: verify.criticalTables }
      add([checked('rows and usual size', await historyFindings(backup, expected, signal))])
    }
    const target = parseConnectionUrl(url)
    const client = await connect(target, signal)
    try {
      add(restored(await checkExpectedObjects(client, verify, { where: 'the restored database' })))
    } finally {
      await client.end()
    }
    const places = { target, source: job.source, code: 'query-unexpected', where: 'the restored data' }
    add(restored(await runQueries(verify.queries, places, signal)))
  }

  /** Drops what drills that were killed left on a configured server. */
  async function sweepServer(opened: OpenScratchServer): Promise<void> {
    for (const name of opened.ours ? [] : await sweepScratchDatabases(opened, signal, warn))
      warn(`${name} of a drill that was killed was dropped`)
  }

  async function tearDown(): Promise<void> {
    try {
      if (server?.ours !== false) return
      await database?.drop()
      // What a killed drill had asked for when we began (CREATE DATABASE goes on without its client) is there by now.
      if (!signal?.aborted)
        await sweepServer(server).catch(() => {
          // This drill has its result; the next one looks again.
        })
    } finally {
      await server?.close()
      await work?.remove()
    }
  }

  function report(): DrillReport {
    const finishedAt = job.now()
    const totalMs = timeline.elapsedMs()
    const ageMs = Math.max(0, startedAt.getTime() - Date.parse(manifest.createdAt))
    const { rpo, rto } = job.config.objectives
    const judged = judgeObjectives({ ageMs, recoveryMs: recoveryMs ?? totalMs, totalMs }, { rpoMs: rpo, rtoMs: rto })
    findings.push(...judged.findings)
    const selection = toc && selectEntries(toc, rules)
    const record: DrillRecord = {
      kind: 'drill',
      ...{ product: manifest.product, id: manifest.id, destination: backup.destination, level: 'restored' },
      ...{ at: finishedAt.toISOString(), startedAt: startedAt.toISOString(), finishedAt: finishedAt.toISOString() },
      durationMs: totalMs,
      ok: isSound(findings),
      storedSha256: manifest.artifacts.map(artifact => artifact.storedSha256),
      findings,
      checks: checks.map(({ name, ok, detail }) => ({ name, ok, detail })),
      ...backupFacts(manifest),
      steps: [...timeline.steps],
      proof,
      objectives: judged.objectives,
      scratch: { kind: job.scratch.kind, serverVersion: server?.serverVersion ?? null },
      leftOut: (selection?.skipped ?? []).map(({ entry, reason }) => ({ entry: describeEntry(entry), reason })),
      databaseBytes: manifest.source.databaseBytes,
    }
    const readBytes = manifest.artifacts.reduce((sum, artifact) => sum + artifact.storedBytes, 0)
    return {
      ...{ product: manifest.product, id: manifest.id, destination: backup.destination, level: 'restored' },
      ok: findings.every(finding => finding.severity !== 'critical'),
      findings,
      checks: record.checks,
      live: false,
      ...{ tables: record.tables, rows: record.rows, readBytes, durationMs: totalMs },
      record,
      estimate: estimateRestore([record], record.databaseBytes) ?? null,
    }
  }

  function warn(message: string): void {
    emit({ type: 'warning.raised', message })
  }
}
