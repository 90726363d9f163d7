import type { CopyObjectsResult, ObjectCopy, ObjectsReport } from '../../../core/src/api/objects.js'
import type { ProductConfig } from '../../../core/src/config/config-schema.js'
import type { ObjectJob } from '../../../core/src/config/jobs.js'
import { BackupError } from '../../../core/src/errors/backup-error.js'
import type { RunPart } from '../../../core/src/notify/run-outcome.js'
import { recordsFolder, snapshotKey } from '../../../core/src/objects/object-layout.js'
import { objectsRecordOf } from '../../../core/src/objects/objects-record.js'
import type { Snapshot } from '../../../core/src/objects/snapshot.js'
import { putOnce, sealedMessage } from '../../../core/src/repository/verification-record.js'
import type { ObjectStore } from '../../../core/src/store/object-store.js'
import { bytesOf } from '../../../core/src/streams/byte-source.js'
import type { World } from './run-planted.js'

interface SetRun {
  readonly product: string
  readonly config: ProductConfig
  readonly set: string
  readonly does: ObjectJob
}

/** The snapshots that each store holds, newest first. */
const copied = new WeakMap<ObjectStore, Map<string, Snapshot>>()

/** Does what a job of a set leaves in the stores, or fails as planted. */
export async function runPlantedSet(world: World, run: SetRun): Promise<RunPart[]> {
  const { product, config, set, does } = run
  const names = config.objects?.[set]?.destinations ?? Object.keys(config.destinations)
  if (does === 'prune') return []
  if (does === 'copy')
    return [
      await copy(world, run, names).then(
        done => ({ done }),
        (error: unknown) => ({ error }),
      ),
    ]
  const parts: RunPart[] = []
  for (const destination of names) {
    const store = world.stores.get(`${product} ${destination}`)!
    parts.push(
      await verify(world, run, destination, store).then(
        done => ({ destination, done }),
        (error: unknown) => ({ destination, error }),
      ),
    )
  }
  return parts
}

async function copy(world: World, { product, set }: SetRun, names: readonly string[]): Promise<CopyObjectsResult> {
  const fails = world.active(product).find(one => one.kind === 'copy-fails' && one.set === set)
  if (fails?.kind === 'copy-fails') throw new BackupError(fails.code, 'the source refused the key')
  const destinations: ObjectCopy[] = []
  for (const destination of names) {
    const store = world.stores.get(`${product} ${destination}`)!
    const counts = {
      added: 1,
      changed: 0,
      removed: 0,
      unchanged: 0,
      resumed: 0,
      vanished: 0,
      fetchedBytes: 3,
      storedBytes: 3,
    }
    const shared = { destination, location: store.location, missed: [], ...counts }
    try {
      const snapshot = snapshotOf(world, product, set)
      await store.put(snapshotKey(product, set, snapshot.id), bytesOf(JSON.stringify(snapshot)))
      copied.set(store, (copied.get(store) ?? new Map()).set(set, snapshot))
      destinations.push({ ...shared, outcome: 'complete', snapshot, error: null })
    } catch (error) {
      const { code, message } = error as BackupError
      destinations.push({ ...shared, outcome: 'failed', snapshot: null, error: { code, message, hint: null } })
    }
  }
  const failed = destinations.filter(({ error }) => error !== null)
  if (failed.length === destinations.length) {
    const { code, message } = failed[0]!.error!
    throw new BackupError(code as BackupError['code'], message)
  }
  const status = failed.length === 0 ? 'complete' : 'partial'
  return { product, set, source: 's3://source', status, destinations, durationMs: 60_000 }
}

async function verify(
  world: World,
  { product, set, config }: SetRun,
  destination: string,
  store: ObjectStore,
): Promise<ObjectsReport> {
  await store.head('x/y')
  const snapshot = copied.get(store)?.get(set)
  if (snapshot === undefined) throw new BackupError('backup-missing', `no snapshot of ${product}/${set}`)
  const { level, sample } = config.objects![set]!.verify
  const report: ObjectsReport = {
    ...{ product, set, id: snapshot.id, destination, level, ok: true, findings: [], objects: 1, read: 1, readBytes: 3 },
    durationMs: 60_000,
  }
  const record = objectsRecordOf(report, sample, snapshot, world.now())
  const seal = await (await world.sealOf(product))(sealedMessage(record))
  await putOnce(store, { ...record, seal }, { folder: recordsFolder(set), what: 'the verification', signal: undefined })
  return report
}

function snapshotOf(world: World, product: string, set: string): Snapshot {
  const now = world.now()
  const tail = world.tail().toString(36).padStart(6, '0').slice(-6)
  const stored = { storedBytes: 3, storedSha256: 'a'.repeat(64) }
  return {
    ...{ format: 'lifeboat-objects/1', product, set, source: 's3://source', prefix: '', previous: null, seal: null },
    id: `${now.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z-${tail}`,
    createdAt: now.toISOString(),
    finishedAt: new Date(now.getTime() + 60_000).toISOString(),
    tool: { name: 'lifeboat', version: '0.1.0' },
    ...{ objects: 1, plainBytes: 3, missed: 0, added: { objects: 1, plainBytes: 3, storedBytes: 3 } },
    ...{ listing: stored, inventory: { ...stored, contents: 1, contentBytes: 3 }, encryption: { kind: 'passphrase' } },
  }
}
