import { type Scan, scanned } from '../archive/scan-stage.js'
import { assertZstd, compress } from '../codec/codec.js'
import type { ProductConfig } from '../config/config-schema.js'
import type { Deps } from '../deps.js'
import { encrypt, type Lock } from '../encryption/open-pgp.js'
import { readLock } from '../encryption/product-keys.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { cancellation, throwIfCancelled } from '../errors/cancelled.js'
import { type EventListener, emitterFor } from '../events/backup-event.js'
import type { BackupOptions, BackupResult, DestinationOutcome } from '../lifeboat-api.js'
import { type ConnectionTarget, connect, databaseError, parseConnectionUrl } from '../postgres/connection.js'
import { dumpSource } from '../postgres/dump-source.js'
import { choosePgDump } from '../postgres/find-pg-tools.js'
import { probeSource } from '../postgres/probe-source.js'
import {
  type CountableTable,
  openSnapshot,
  resolveCriticalTables,
  type SharedSnapshot,
} from '../postgres/snapshot-counts.js'
import { databaseKey, manifestKey, newBackupId } from '../repository/layout.js'
import { type Manifest, manifestFormat, type TableRecord } from '../repository/manifest.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { type ByteSource, bytesOf } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import { toolName, toolVersion } from '../tool-version.js'
import { fanOut } from './fan-out.js'

export interface BackupJob {
  readonly product: string
  readonly config: ProductConfig
  readonly folder: string
  readonly deps: Deps
}

interface Destination {
  readonly name: string
  readonly store: ObjectStore
}

type CountedTable = CountableTable & { readonly rows: number }

/**
 * The nightly path: probe, snapshot, dump, scan, compress, encrypt, store everywhere, manifest last.
 * @throws BackupError when no destination has the backup; then nothing of it is left anywhere
 */
export async function runBackup(job: BackupJob, options: BackupOptions): Promise<BackupResult> {
  const { product, config, deps } = job
  const { signal } = options
  const emit = emitterFor(options.onEvent)
  const startedAt = deps.now()
  refuseOddWords(options)
  throwIfCancelled(signal)
  if (config.compression.codec === 'zstd') assertZstd()
  const lock = await readLock(config.encryption, job.folder)
  const target = parseConnectionUrl(config.source.url.read())
  const client = await connect(target, signal)
  const asked = <T>(answer: Promise<T>) =>
    answer.catch((error: unknown) => {
      throw databaseError(error, target, signal)
    })
  try {
    const probe = await probeSource(client, target, config.source.schemas, signal)
    const tools = choosePgDump(await deps.findPgTools(), probe.serverMajor)
    emit({
      type: 'source.probed',
      product,
      serverVersion: probe.serverVersion,
      databaseBytes: probe.databaseBytes,
      pgDump: tools.version,
    })
    const critical = await asked(resolveCriticalTables(client, config.verify.criticalTables))
    refuseWithoutCriticalTables(config.verify.criticalTables, critical.missing, target)
    for (const name of critical.missing)
      emit({ type: 'warning.raised', message: `the critical table ${name} does not exist in ${target.description}` })

    const snapshot = await asked(openSnapshot(client, target))
    const shared = 'snapshotId' in snapshot ? snapshot : undefined
    const id = newBackupId(startedAt, deps.random)
    emit({ type: 'backup.started', product, id, expectedBytes: probe.databaseBytes })
    const counting = countAll(shared, critical.present)
    const noReader = new AbortController()
    const destinations = Object.entries(config.destinations).map(([name, { store }]) => ({ name, store }))
    const key = databaseKey(product, id, config.compression.codec)
    const stored = await storeEverywhere({
      source: dumpSource(target, {
        tools,
        snapshotId: shared?.snapshotId,
        schemas: config.source.schemas,
        excludeTableData: config.source.excludeTableData,
        signal: signal ? AbortSignal.any([signal, noReader.signal]) : noReader.signal,
      }),
      stopSource: () => noReader.abort(),
      key,
      lock,
      config,
      destinations,
      expectedBytes: probe.databaseBytes,
      emit,
      signal,
    })
    const survivors = destinations.filter(one => !stored.failures.has(one.name))
    try {
      const counted = await counting
      // The snapshot has served; whether its session ends well no longer matters.
      await shared?.close().catch(() => {})
      if (counted.why !== null)
        emit({ type: 'warning.raised', message: `critical tables were not counted by the server: ${counted.why}` })
      throwIfCancelled(signal)
      const tables = recordTables(stored.scan, counted.tables)
      const manifest: Manifest = {
        format: manifestFormat,
        id,
        product,
        createdAt: startedAt.toISOString(),
        finishedAt: deps.now().toISOString(),
        reason: options.reason ?? 'manual',
        labels: { ...options.labels },
        tool: { name: toolName, version: toolVersion },
        source: {
          serverVersion: probe.serverVersion,
          database: probe.database,
          databaseBytes: probe.databaseBytes,
          encoding: probe.encoding,
          extensions: [...probe.extensions],
          pgDumpVersion: tools.version,
          snapshotCounts: {
            taken: shared !== undefined && counted.why === null,
            why: 'why' in snapshot ? snapshot.why : counted.why,
          },
        },
        artifacts: [
          {
            name: 'database',
            key,
            kind: 'database',
            storedBytes: stored.storedBytes,
            storedSha256: stored.storedSha256,
            plainBytes: stored.scan.summary.bytes,
            plainSha256: stored.scan.sha256,
            codec: config.compression.codec,
            encryption:
              lock.kind === 'passphrase'
                ? { kind: 'passphrase' }
                : { kind: 'recipients', fingerprints: lock.keys.map(one => one.getFingerprint()) },
          },
        ],
        tables,
        contents: stored.scan.summary.toc && countByKind(stored.scan.summary.toc.entries),
        ...(critical.partitions.length === 0
          ? {}
          : { partitions: critical.partitions.map(one => ({ ...one, leaves: [...one.leaves] })) }),
        largeObjects: stored.scan.summary.largeObjects,
        destinations: destinations.map(({ name }) => {
          const failure = stored.failures.get(name)
          return failure
            ? { name, outcome: 'failed' as const, code: failure.code }
            : { name, outcome: 'stored' as const }
        }),
        seal: null,
      }
      await publish(manifest, survivors, stored.failures, { emit, signal })
      const outcomes = destinations.map(one => outcomeOf(one, stored.failures.get(one.name)))
      if (outcomes.every(one => one.outcome === 'failed')) throw allFailed(stored.failures)
      const status = stored.failures.size > 0 ? 'partial' : 'complete'
      emit({ type: 'backup.finished', product, id, status })
      return {
        status,
        product,
        id,
        manifest,
        destinations: outcomes,
        durationMs: deps.now().getTime() - startedAt.getTime(),
      }
    } catch (error) {
      await removeEverywhere(survivors, [manifestKey(product, id), key], emit)
      throw error
    }
  } finally {
    await client.end()
  }
}

/** What a manifest could not be read with again. */
function refuseOddWords(options: BackupOptions): void {
  if ((options.reason ?? '').length <= 200) return
  throw new BackupError('config-invalid', 'the reason is longer than 200 characters', {
    hint: 'put the long story into a label',
  })
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

interface Counted {
  readonly tables: readonly CountedTable[]
  /** Why counting ended early; the dump stands on its own proof then. */
  readonly why: string | null
}

/** Counts while the dump runs. A session that is lost meanwhile costs the counts, not the dump. */
async function countAll(snapshot: SharedSnapshot | undefined, tables: readonly CountableTable[]): Promise<Counted> {
  const counted: CountedTable[] = []
  try {
    for (const table of snapshot ? tables : []) counted.push({ ...table, rows: await snapshot!.count(table) })
    return { tables: counted, why: null }
  } catch (error) {
    return { tables: [], why: error instanceof Error ? error.message : String(error) }
  }
}

interface Stored {
  readonly scan: Scan
  readonly storedBytes: number
  readonly storedSha256: string
  readonly failures: Map<string, BackupError>
}

async function storeEverywhere(work: {
  readonly source: ByteSource
  readonly stopSource: () => void
  readonly key: string
  readonly lock: Lock
  readonly config: ProductConfig
  readonly destinations: readonly Destination[]
  readonly expectedBytes: number
  readonly emit: EventListener
  readonly signal: AbortSignal | undefined
}): Promise<Stored> {
  const { key, destinations, emit, signal } = work
  let scan: Scan | undefined
  const storedDigest = new PassingDigest()
  const plain = scanned(progressing(work.source, work.expectedBytes, emit), done => {
    scan = done
  })
  const bytes = storedDigest.through(encrypt(compress(plain, work.config.compression), work.lock))
  const outcomes = await fanOut(
    bytes,
    destinations.map(
      ({ store }) =>
        (branch: ByteSource) =>
          store.put(key, branch, { expectedBytes: work.expectedBytes, signal }),
    ),
    work.stopSource,
  ).catch((error: unknown) => {
    throw signal?.aborted ? cancellation(signal) : error
  })
  try {
    throwIfCancelled(signal)
    const failures = new Map<string, BackupError>()
    for (const [index, outcome] of outcomes.entries()) {
      const { name, store } = destinations[index]!
      const failure =
        outcome.status === 'rejected'
          ? wrapStoreError(outcome.reason, { store, doing: `store ${key}`, signal })
          : await checkRecorded(store, key, storedDigest.bytes, signal)
      throwIfCancelled(signal)
      if (failure) failures.set(name, reportFailure(name, failure, emit))
      else emit({ type: 'artifact.stored', destination: name, key, storedBytes: storedDigest.bytes })
    }
    if (failures.size === destinations.length || scan === undefined) throw allFailed(failures)
    const refused = destinations.filter((one, index) => failures.has(one.name) && took(outcomes[index]))
    await removeEverywhere(refused, [key], emit)
    return { scan, storedBytes: storedDigest.bytes, storedSha256: storedDigest.sha256, failures }
  } catch (error) {
    const wrote = destinations.filter((_, index) => took(outcomes[index]))
    await removeEverywhere(wrote, [key], emit)
    throw error
  }
}

function took(outcome: PromiseSettledResult<unknown> | undefined): boolean {
  return outcome?.status === 'fulfilled'
}

/** What the store recorded must be what was sent. */
async function checkRecorded(
  store: ObjectStore,
  key: string,
  sentBytes: number,
  signal: AbortSignal | undefined,
): Promise<BackupError | undefined> {
  try {
    const recorded = await store.head(key, { signal })
    if (recorded?.sizeBytes === sentBytes) return undefined
    return new BackupError(
      'object-damaged',
      `${store.location} holds ${recorded?.sizeBytes ?? 0} bytes of ${key} where ${sentBytes} were sent`,
      { hint: 'check the store, then run the backup again' },
    )
  } catch (error) {
    return wrapStoreError(error, { store, doing: `check ${key}`, signal })
  }
}

async function publish(
  manifest: Manifest,
  destinations: readonly Destination[],
  failures: Map<string, BackupError>,
  context: { readonly emit: EventListener; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`
  const key = manifestKey(manifest.product, manifest.id)
  for (const { name, store } of destinations) {
    try {
      await store.put(key, bytesOf(text), { ifAbsent: true, expectedBytes: text.length, signal: context.signal })
    } catch (error) {
      throwIfCancelled(context.signal)
      failures.set(
        name,
        reportFailure(
          name,
          wrapStoreError(error, { store, doing: `store ${key}`, signal: context.signal }),
          context.emit,
        ),
      )
      await removeEverywhere(
        [{ name, store }],
        [key, ...manifest.artifacts.map(artifact => artifact.key)],
        context.emit,
      )
    }
  }
}

async function removeEverywhere(
  destinations: readonly Destination[],
  keys: readonly string[],
  emit: EventListener,
): Promise<void> {
  for (const { name, store } of destinations) {
    for (const key of keys) {
      try {
        await store.remove(key)
      } catch (error) {
        // The failure that led here is the one to report; what stays has no manifest, and a later prune clears it.
        const reason = isBackupError(error)
          ? error.message
          : wrapStoreError(error, { store, doing: `remove ${key}` }).message
        emit({ type: 'warning.raised', message: `${name}: ${reason}` })
      }
    }
  }
}

function recordTables(scan: Scan, counts: readonly CountedTable[]): TableRecord[] | null {
  if (scan.summary.tables === null) return null
  const counted = new Map(counts.map(one => [`${one.schema}\0${one.name}`, one.rows]))
  return scan.summary.tables.map(table => {
    const snapshotRows = counted.get(`${table.schema}\0${table.name}`)
    if (snapshotRows !== undefined && snapshotRows !== table.rows) {
      throw new BackupError(
        'counts-differ',
        `the dump holds ${table.rows} rows of ${table.schema}.${table.name}, the server counted ${snapshotRows} in the same snapshot`,
        { hint: 'the dump is not whole and was not kept; run the backup again' },
      )
    }
    return snapshotRows === undefined ? table : { ...table, snapshotRows }
  })
}

function countByKind(entries: readonly { readonly description: string }[]): Record<string, number> {
  const kinds: Record<string, number> = {}
  for (const { description } of entries) kinds[description] = (kinds[description] ?? 0) + 1
  return kinds
}

function outcomeOf({ name, store }: Destination, failure: BackupError | undefined): DestinationOutcome {
  const error = failure ? { code: failure.code, message: failure.message, hint: failure.hint ?? null } : null
  return { destination: name, location: store.location, outcome: failure ? 'failed' : 'stored', error }
}

function reportFailure(destination: string, failure: BackupError, emit: EventListener): BackupError {
  emit({
    type: 'destination.failed',
    destination,
    code: failure.code,
    message: failure.message,
    hint: failure.hint ?? null,
  })
  return failure
}

function allFailed(failures: ReadonlyMap<string, BackupError>): BackupError {
  const [first] = failures.values()
  if (failures.size <= 1 && first) return first
  const all = [...failures].map(([name, failure]) => `${name}: ${failure.message}`).join('; ')
  return new BackupError('destinations-failed', `no destination took the backup: ${all}`, {
    cause: first,
    hint: '`lifeboat doctor` tries each store',
  })
}

/** Reports bytes as they come, about four times a second. */
async function* progressing(source: ByteSource, totalBytes: number, emit: EventListener): ByteSource {
  let doneBytes = 0
  let last = 0
  for await (const chunk of source) {
    doneBytes += chunk.byteLength
    const now = performance.now()
    if (now - last > 250) {
      last = now
      emit({ type: 'stage.progressed', stage: 'dump', doneBytes, totalBytes })
    }
    yield chunk
  }
  emit({ type: 'stage.progressed', stage: 'dump', doneBytes, totalBytes: doneBytes })
}
