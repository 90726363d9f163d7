import type {
  CopyObjectsOptions,
  ListedSnapshot,
  ObjectCopy,
  ObjectOperations,
  ObjectsPruneResult,
  RestoreObjectsOptions,
  SnapshotList,
  VerifyObjectsOptions,
} from '../api/objects.js'
import type { RunOptions } from '../api/run-options.js'
import type { ObjectSetConfig } from '../config/objects-schema.js'
import { messageOpener } from '../encryption/message-session.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { emitterFor } from '../events/backup-event.js'
import { markArchived, needsAny } from '../objects/archived-snapshots.js'
import { copyObjects } from '../objects/copy-objects.js'
import { lockingCopies } from '../objects/keep-locked.js'
import { objectsRecordOf } from '../objects/objects-record.js'
import { pruneObjects } from '../objects/prune-objects.js'
import { planObjectRestore, type RestoreObjectsJob, restoreObjects } from '../objects/restore-objects.js'
import { findSnapshot, readSnapshots, snapshotMissing } from '../objects/snapshot.js'
import { verifyObjects } from '../objects/verify-objects.js'
import { retrying } from '../retry/retrying.js'
import type { ObjectStore } from '../store/object-store.js'
import { sharedSignal } from '../streams/shared-signal.js'
import { keepObjectsRecord, readObjectHistory } from './object-records.js'
import { destinationsOfSet, objectSetOf, writingKeysOf } from './object-sets.js'
import type { OpenContext } from './open-context.js'

export function objectOperations(context: OpenContext): ObjectOperations {
  const { deps, productOf } = context

  return {
    objectSets: product => Object.keys(productOf(product).objects ?? {}),

    async copyObjects(product, set, run = {}) {
      const config = setOf(product, set)
      const startedMs = deps.now().getTime()
      const source = sourceOf(set, config, run)
      const emit = emitterFor(run.onEvent)
      const job = {
        ...{ product, set, source, prefix: config.prefix, storageClass: config.storageClass },
        ...{ full: run.full ?? false, emit, signal: run.signal },
        ...{ now: deps.now, random: deps.random, lockLeaseMs: deps.lockLeaseMs },
        checkpointEvery: deps.checkpointEvery,
      }
      const destinations: ObjectCopy[] = []
      // Keys first: nothing is asked of the source before it is known that the result can be encrypted and read again.
      const chosen = []
      for (const [destination, { store: plain, objectLock: rule }] of destinationsOf(product, config, run)) {
        const objectLock = config.objectLock ?? rule
        const store = lockingCopies(plain, objectLock, { product, set, now: deps.now })
        chosen.push({ destination, store, objectLock, ...(await writingKeysOf(context, product, destination)) })
      }
      for (const one of chosen) {
        const { destination, store } = one
        try {
          destinations.push(await copyObjects({ ...job, ...one }))
        } catch (error) {
          if (!isBackupError(error) || run.signal?.aborted) throw error
          const { code, message, hint } = error
          emit({ type: 'destination.failed', destination, code, message, hint: hint ?? null })
          destinations.push({
            ...nothing,
            destination,
            location: store.location,
            error: { code, message, hint: hint ?? null },
          })
        }
      }
      assertSome(product, set, destinations)
      return {
        ...{ product, set, source: source.location, destinations },
        status: destinations.every(({ outcome }) => outcome === 'complete') ? 'complete' : 'partial',
        durationMs: deps.now().getTime() - startedMs,
      }
    },

    async listObjectSnapshots(product, only, run = {}) {
      const snapshots: ListedSnapshot[] = []
      const unreadable: SnapshotList['unreadable'][number][] = []
      const sets = only === undefined ? Object.keys(productOf(product).objects ?? {}) : [only]
      for (const set of sets) {
        for (const [destination, { store }] of destinationsOf(product, setOf(product, set), run)) {
          const read = await readSnapshots({ store, product, set }, run.signal)
          const marks = run.archives ? await markArchived({ store, product, set }, run.signal) : null
          for (const snapshot of read.snapshots) {
            const { location } = store
            const archived = marks && (await needsAny({ store, product, set }, snapshot, marks, run.signal))
            snapshots.push({ product, set, id: snapshot.id, destination, location, snapshot, archived })
          }
          for (const one of read.unreadable) unreadable.push({ product, set, destination, ...one })
        }
      }
      snapshots.sort((a, b) => b.snapshot.createdAt.localeCompare(a.snapshot.createdAt))
      return { snapshots, unreadable }
    },

    async verifyObjects(product, set, run = {}) {
      const sample = run.sample ?? 1
      if (!(sample > 0 && sample <= 1))
        throw new BackupError('config-invalid', `not a share to read: ${sample}`, { hint: 'above 0, and 1 at most' })
      const { destination, store, snapshot } = await locate(product, set, run)
      const report = await verifyObjects({
        ...{ product, set, destination, store, snapshot, sample, level: run.level ?? 'content' },
        opener: async () => messageOpener(await context.unlockFor(product, destination)()),
        sealKeys: context.sealKeysFor(product, destination),
        ...{ retrieve: run.retrieve, sleep: deps.sleep },
        ...{ now: deps.now, random: deps.random, emit: emitterFor(run.onEvent), signal: sharedSignal(run.signal) },
      })
      await keepObjectsRecord(context, store, objectsRecordOf(report, sample, snapshot, deps.now()), run)
      return report
    },

    objectHistory: (product, run = {}) => readObjectHistory(context, product, run),

    async planObjectRestore(product, set, target, run = {}) {
      return planObjectRestore(await restoreJob(product, set, target, run))
    },

    async restoreObjects(product, set, target, run = {}) {
      return restoreObjects(await restoreJob(product, set, target, run))
    },

    async pruneObjects(product, set, run = {}) {
      const config = setOf(product, set)
      const results: ObjectsPruneResult[] = []
      for (const [destination, { store }] of destinationsOf(product, config, run)) {
        results.push(
          await pruneObjects({
            ...{ product, set, destination, store, policy: config.retention, apply: run.apply ?? false },
            ...{ now: deps.now, lockLeaseMs: deps.lockLeaseMs, emit: emitterFor(run.onEvent), signal: run.signal },
          }),
        )
      }
      return results
    },
  }

  function setOf(product: string, set: string): ObjectSetConfig {
    return objectSetOf(context, product, set)
  }

  function destinationsOf(product: string, config: ObjectSetConfig, run: CopyObjectsOptions) {
    return destinationsOfSet(context, product, config, run)
  }

  /** The source, its calls repeated. A listing without order is not: to repeat it, all of it would have to be held. */
  function sourceOf(set: string, { from }: ObjectSetConfig, run: RunOptions): ObjectStore {
    const emit = emitterFor(run.onEvent)
    const repeated = retrying(from, { destination: `source of ${set}`, emit, policy: deps.retry })
    return { ...repeated, list: from.listsInOrder || from.retriesRequests ? repeated.list : from.list.bind(from) }
  }

  async function locate(product: string, set: string, run: VerifyObjectsOptions | RestoreObjectsOptions) {
    for (const [destination, { store }] of destinationsOf(product, setOf(product, set), run)) {
      const snapshot = await findSnapshot({ store, product, set, destination }, run.snapshot, run)
      if (snapshot !== undefined) return { destination, store, snapshot }
    }
    throw snapshotMissing(product, set, run.snapshot)
  }

  async function restoreJob(
    product: string,
    set: string,
    to: ObjectStore | 'source',
    run: RestoreObjectsOptions,
  ): Promise<RestoreObjectsJob> {
    const config = setOf(product, set)
    const target = sourceOf(set, to === 'source' ? config : { ...config, from: to }, run)
    const { destination, store, snapshot } = await locate(product, set, run)
    const unlock = await context.unlockFor(product, destination)()
    return {
      ...{ product, set, destination, store, snapshot, target },
      targetIsSource:
        to === 'source' ||
        (to.location === config.from.location && to.host === config.from.host && to.name !== 'memory'),
      prefix: run.prefix ?? '',
      existing: run.existing ?? 'refuse',
      overwriteSource: run.overwriteSource ?? false,
      allowUnsealed: run.allowUnsealed ?? false,
      readBack: run.readBack ?? false,
      open: messageOpener(unlock),
      sealKeys: await context.sealKeysFor(product, destination)(),
      ...{ retrieve: run.retrieve, less: '`--prefix` needs less', sleep: deps.sleep },
      ...{ now: deps.now, emit: emitterFor(run.onEvent), signal: sharedSignal(run.signal) },
    }
  }
}

const nothing = {
  ...({ outcome: 'failed', snapshot: null } as const),
  ...{
    added: 0,
    changed: 0,
    removed: 0,
    unchanged: 0,
    resumed: 0,
    vanished: 0,
    fetchedBytes: 0,
    storedBytes: 0,
    missed: [],
  },
}

/** @throws BackupError the one failure where all are alike, else `destinations-failed` */
function assertSome(product: string, set: string, destinations: readonly ObjectCopy[]): void {
  const errors = destinations.flatMap(({ error }) => (error === null ? [] : [error]))
  const [first] = errors
  if (first === undefined || errors.length < destinations.length) return
  if (errors.every(({ code }) => code === first.code))
    throw new BackupError(first.code as BackupError['code'], first.message, { hint: first.hint ?? undefined })
  const said = destinations.map(({ destination, error }) => `${destination}: ${error?.message}`).join('; ')
  throw new BackupError('destinations-failed', `no destination has a snapshot of ${product}/${set}: ${said}`)
}
