import type pg from 'pg'
import type { BackupOptions, BackupResult, DestinationOutcome } from '../api/backups.js'
import { compress } from '../codec/codec.js'
import type { ProductConfig } from '../config/config-schema.js'
import type { DumpPacker } from '../dump/pack-dump.js'
import { elapsedMs } from '../elapsed-ms.js'
import type { Lock } from '../encryption/open-pgp.js'
import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { emitterFor } from '../events/backup-event.js'
import { progressing } from '../events/progressing.js'
import type { PlannedBundle } from '../files/backup-bundles.js'
import { databaseError } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import type { PgTools } from '../postgres/find-pg-tools.js'
import type { SourceProbe } from '../postgres/probe-source.js'
import {
  type CountableTable,
  openSnapshot,
  resolveCriticalTables,
  type SharedSnapshot,
} from '../postgres/snapshot-counts.js'
import { bundleKey, databaseKey, manifestKey, newBackupId, rolesKey } from '../repository/layout.js'
import type { Artifact } from '../repository/manifest.js'
import { dumpRoles } from '../roles/dump-roles.js'
import { prepareSeal, type Sealer } from '../seal/manifest-seal.js'
import type { ChosenDestinations } from './choose-destinations.js'
import { type CountedTable, composeManifest, countedButAbsent, type FinishedExport } from './compose-manifest.js'
import { type ArtifactFacts, type StoreOne, storeBundle, storeRoles } from './more-artifacts.js'
import { encryptionRecord, ownManifests, resultManifest } from './own-keys.js'
import type { BackupJob } from './run-backup.js'
import {
  allFailed,
  type Destination,
  outcomeOf,
  publish,
  removeEverywhere,
  storeEverywhere,
} from './store-everywhere.js'

/** A backup whose source was probed and whose locks are held. */
export interface Export extends BackupJob {
  readonly destinations: readonly Destination[]
  readonly passedOver: ChosenDestinations['passedOver']
  readonly lock: Lock
  readonly sealer: Sealer
  readonly bundles: readonly PlannedBundle[]
  readonly target: ConnectionTarget
  readonly client: pg.Client
  readonly probe: SourceProbe
  readonly tools: PgTools
  readonly packer: DumpPacker
}

/** Snapshot, dump, scan, compress, encrypt, store everywhere, manifest last. */
export async function exportOnce(work: Export, options: BackupOptions): Promise<BackupResult> {
  const { product, config, deps, target, client, probe, tools, destinations, lock } = work
  const { signal } = options
  const emit = emitterFor(options.onEvent)
  const startedAt = deps.now()
  const asked = <T>(answer: Promise<T>) =>
    answer.catch((error: unknown) => {
      throw databaseError(error, target, signal)
    })
  const critical = await asked(resolveCriticalTables(client, config.verify.criticalTables))
  refuseWithoutCriticalTables(config.verify.criticalTables, critical.missing, target)
  for (const name of critical.missing)
    emit({ type: 'warning.raised', message: `the critical table ${name} does not exist in ${target.description}` })

  const snapshot = await asked(openSnapshot(client, target))
  const shared = 'snapshotId' in snapshot ? snapshot : undefined
  const id = newBackupId(startedAt, deps.random)
  emit({ type: 'backup.started', product, id, expectedBytes: probe.databaseBytes })
  const counting = countAll(snapshot, critical.present)
  const seal = prepareSeal(work.sealer)
  const noReader = new AbortController()
  const key = databaseKey(product, id, config.compression.codec)
  const stored = await storeEverywhere({
    packed: done =>
      work.packer.pack(
        {
          ...{ target, compression: config.compression, expectedBytes: probe.databaseBytes },
          options: {
            ...{ tools, snapshotId: shared?.snapshotId },
            ...{ schemas: config.source.schemas, excludeTableData: config.source.excludeTableData },
          },
        },
        { done, emit, signal: signal ? AbortSignal.any([signal, noReader.signal]) : noReader.signal },
      ),
    stopSource: () => noReader.abort(),
    key,
    lock,
    destinations,
    expectedBytes: probe.databaseBytes,
    emit,
    signal,
  })
  const keys = [manifestKey(product, id), key]
  const forms = new Map([[key, stored.forms]])
  let survivors = destinations.filter(one => !stored.failures.has(one.name))
  try {
    const others = await storeOthers()
    survivors = destinations.filter(one => !stored.failures.has(one.name))
    const counted = await counting
    // The snapshot has served; whether its session ends well no longer matters.
    await shared?.close().catch(() => {})
    if (counted.why !== null && critical.present.length > 0)
      emit({ type: 'warning.raised', message: `critical tables were not counted by the server: ${counted.why}` })
    for (const name of countedButAbsent(stored.scan, counted.tables))
      emit({ type: 'warning.raised', message: `the rows of the critical table ${name} are not in the dump` })
    // Whoever backs up files may have nothing in the database.
    if (stored.scan.summary.tables?.length === 0 && work.bundles.length === 0)
      emit({
        type: 'warning.raised',
        message: `the dump of ${target.description} holds no table with rows: is it the right database?`,
      })
    const composed = composeManifest({
      ...{ product, id, startedAt, probe, counted, critical, key, lock, stored, others },
      finishedAt: deps.now(),
      reason: options.reason ?? 'manual',
      labels: options.labels ?? {},
      pgDumpVersion: tools.version,
      codec: config.compression.codec,
      destinations: destinations.map(({ name }) => name),
    })
    const manifest = await seal(composed)
    throwIfCancelled(signal)
    const own = await ownManifests(composed, survivors, forms)
    await publish(manifest, survivors, stored.failures, { emit, signal, own })
    const outcomes = destinations.map(one => outcomeOf(one, stored.failures.get(one.name)))
    if (outcomes.every(one => one.outcome === 'failed')) throw allFailed(stored.failures)
    const status = stored.failures.size > 0 ? 'partial' : 'complete'
    emit({ type: 'backup.finished', product, id, status })
    return {
      status,
      product,
      id,
      manifest: resultManifest(manifest, outcomes, own),
      destinations: inConfiguredOrder([...outcomes, ...work.passedOver], config),
      durationMs: elapsedMs(startedAt, deps.now()),
    }
  } catch (error) {
    await removeEverywhere(survivors, keys, emit)
    throw error
  }

  /** Roles and files, each into the destinations that have everything before it; one that fails loses all of it. */
  async function storeOthers(): Promise<Artifact[]> {
    const { codec } = config.compression
    const artifacts: Artifact[] = []
    const add = (name: string, key: string, kind: Artifact['kind'], facts: ArtifactFacts | undefined) => {
      if (facts !== undefined) artifacts.push({ name, key, kind, codec, encryption: encryptionRecord(lock), ...facts })
    }
    const roles = await dumpRoles(config.source.roles ?? false, { target, tools, emit, signal })
    if (roles !== undefined) {
      const key = rolesKey(product, id, codec)
      add('roles', key, 'roles', await storeRoles(roles, key, storeOne))
    }
    for (const bundle of work.bundles) {
      const key = bundleKey(product, id, bundle.name, codec)
      add(bundle.name, key, 'files', await storeBundle(bundle, key, storeOne, emit))
    }
    return artifacts
  }

  async function storeOne(one: Parameters<StoreOne>[0]): ReturnType<StoreOne> {
    const stop = new AbortController()
    const left = destinations.filter(({ name }) => !stored.failures.has(name))
    keys.push(one.key)
    const done = await storeEverywhere({
      packed: done => {
        const source = one.source(signal ? AbortSignal.any([signal, stop.signal]) : stop.signal)
        const watched = progressing(source, { stage: 'dump', totalBytes: one.expectedBytes, emit })
        return compress(one.scan(watched, done), config.compression)
      },
      stopSource: () => stop.abort(),
      destinations: left,
      ...{ key: one.key, expectedBytes: one.expectedBytes, lock, emit, signal },
    })
    forms.set(one.key, done.forms)
    for (const [name, failure] of done.failures) stored.failures.set(name, failure)
    const lost = left.filter(({ name }) => done.failures.has(name))
    await removeEverywhere(lost, keys, emit)
    return done
  }
}

function inConfiguredOrder(outcomes: readonly DestinationOutcome[], config: ProductConfig): DestinationOutcome[] {
  const order = Object.keys(config.destinations)
  return [...outcomes].sort((a, b) => order.indexOf(a.destination) - order.indexOf(b.destination))
}

function refuseWithoutCriticalTables(
  configured: readonly string[],
  missing: readonly string[],
  target: ConnectionTarget,
): void {
  if (configured.length === 0 || missing.length < configured.length) return
  throw new BackupError(
    'tables-missing',
    `none of the critical tables exists in ${target.description}: ${missing.slice(0, 5).join(', ')}`,
    {
      hint: 'is this the right database? correct source.url, or verify.criticalTables',
    },
  )
}

/** Counts while the dump runs. A session that is lost meanwhile costs the counts, not the dump. */
async function countAll(
  snapshot: SharedSnapshot | { readonly why: string },
  tables: readonly CountableTable[],
): Promise<FinishedExport['counted']> {
  if ('why' in snapshot) return { tables: [], why: snapshot.why }
  const counted: CountedTable[] = []
  try {
    for (const table of tables) counted.push({ ...table, rows: await snapshot.count(table) })
    return { tables: counted, why: null }
  } catch (error) {
    return { tables: [], why: error instanceof Error ? error.message : String(error) }
  }
}
