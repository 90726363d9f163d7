import type { BackupResult } from '../../../core/src/api/backups.js'
import type { Finding, VerificationReport } from '../../../core/src/api/verification.js'
import type { ProductConfig } from '../../../core/src/config/config-schema.js'
import { type Job, setOfJob } from '../../../core/src/config/jobs.js'
import { destinationTurn } from '../../../core/src/destination/destination-schedule.js'
import { BackupError } from '../../../core/src/errors/backup-error.js'
import type { RunPart } from '../../../core/src/notify/run-outcome.js'
import { backupPrefix, manifestKey } from '../../../core/src/repository/layout.js'
import type { Manifest } from '../../../core/src/repository/manifest.js'
import { putOnce, sealedMessage } from '../../../core/src/repository/verification-record.js'
import type { Seal } from '../../../core/src/seal/seal.js'
import type { ObjectStore } from '../../../core/src/store/object-store.js'
import { bytesOf } from '../../../core/src/streams/byte-source.js'
import { isSound } from '../../../core/src/verify/finding.js'
import { backupFacts, recordOf } from '../../../core/src/verify/record-of.js'
import { sampleManifest } from '../sample-manifest.js'
import type { Planted } from './planted.js'
import { runPlantedSet } from './run-planted-set.js'

/** What the jobs of the simulation work with. */
export interface World {
  readonly now: () => Date
  readonly active: (product: string) => readonly Planted[]
  readonly stores: ReadonlyMap<string, ObjectStore>
  /** What each store holds, newest first. */
  readonly made: Map<ObjectStore, Manifest[]>
  /** Seals a product's records, as whoever may vouch for its verifications does. */
  readonly sealOf: (product: string) => Promise<(message: Buffer) => Promise<Seal>>
  /** A number that was not drawn before. */
  readonly tail: () => number
}

/** Does what a job leaves in the stores, or fails as planted; each part as a real call would resolve or reject. */
export async function runPlanted(world: World, config: ProductConfig, product: string, job: Job): Promise<RunPart[]> {
  const set = setOfJob(job)
  if (set !== undefined) return runPlantedSet(world, { product, config, ...set })
  const faults = world.active(product)
  const has = (kind: Planted['kind']) => faults.some(one => one.kind === kind)
  const names = Object.keys(config.destinations)
  const partOf = async (work: () => Promise<Extract<RunPart, { done: unknown }>['done']>, destination?: string) => {
    try {
      return { destination, done: await work() }
    } catch (error) {
      return { destination, error }
    }
  }
  if (job === 'backup') return [await partOf(() => backUp(world, config, product))]
  if (job === 'prune') {
    const error = new BackupError('store-auth-failed', 'the key may not delete')
    return has('prune-fails') ? names.map(destination => ({ destination, error })) : []
  }
  if (job === 'drill') return [await partOf(() => check(world, product, names[0]!, 'drill', []))]
  const parts: RunPart[] = []
  for (const destination of names) {
    const live: Finding[] =
      has('rows-differ-live') && destination === names[0]
        ? [
            {
              severity: 'critical',
              code: 'rows-out-of-tolerance',
              message: 'appointments: 40 % fewer rows',
              hint: null,
            },
          ]
        : []
    parts.push(await partOf(() => check(world, product, destination, 'verify', live), destination))
  }
  return parts
}

async function backUp(world: World, config: ProductConfig, product: string): Promise<BackupResult> {
  const faults = world.active(product)
  const fails = faults.find(one => one.kind === 'backup-fails')
  if (fails) throw new BackupError(fails.code, 'pg_dump could not reach the server')
  const now = world.now()
  const id = `${now.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z-${world.tail().toString(36).padStart(6, '0').slice(-6)}`
  const outcomes: BackupResult['destinations'][number][] = []
  for (const [destination, { schedule, store: configured }] of Object.entries(config.destinations)) {
    const { location } = configured
    const store = world.stores.get(`${product} ${destination}`)!
    try {
      await answers(store)
      const turn = destinationTurn(schedule, world.made.get(store) ?? [], now)
      if (!turn.due) {
        outcomes.push({ destination, location, outcome: 'not-due', error: null })
        continue
      }
      if (faults.some(one => one.kind === 'store-full' && one.destination === destination))
        throw new BackupError('store-full', 'no space left')
      await store.put(`${backupPrefix(product, id)}database.dump.gz.gpg`, bytesOf('abc'))
      outcomes.push({ destination, location, outcome: 'stored', error: null })
    } catch (error) {
      const { code, message } = error as BackupError
      outcomes.push({ destination, location, outcome: 'failed', error: { code, message, hint: null } })
    }
  }
  const stored = outcomes.filter(({ outcome }) => outcome === 'stored')
  if (stored.length === 0) throw new BackupError('destinations-failed', 'no destination took the backup')
  const manifest = manifestOf(product, id, now, outcomes)
  for (const { destination } of stored) {
    const store = world.stores.get(`${product} ${destination}`)!
    await store.put(manifestKey(product, id), bytesOf(JSON.stringify(manifest)))
    world.made.set(store, [manifest, ...(world.made.get(store) ?? [])])
  }
  const status = outcomes.some(({ outcome }) => outcome === 'failed') ? 'partial' : 'complete'
  return { status, product, id, manifest, destinations: outcomes, durationMs: 60_000 }
}

function manifestOf(product: string, id: string, now: Date, outcomes: BackupResult['destinations']): Manifest {
  const createdAt = now.toISOString()
  const sample = sampleManifest(id)
  return sampleManifest(id, {
    ...{ product, createdAt, finishedAt: new Date(now.getTime() + 60_000).toISOString() },
    artifacts: sample.artifacts.map(artifact => ({ ...artifact, key: artifact.key.replace('shop/', `${product}/`) })),
    destinations: outcomes
      .filter(({ outcome }) => outcome !== 'not-due')
      .map(({ destination: name, outcome, error }) =>
        outcome === 'stored'
          ? { name, outcome: 'stored' as const }
          : { name, outcome: 'failed' as const, code: error!.code },
      ),
  })
}

/** A verification or a drill of the newest backup of a destination, recorded as real ones are. */
async function check(
  world: World,
  product: string,
  destination: string,
  job: 'verify' | 'drill',
  live: readonly Finding[],
): Promise<VerificationReport> {
  const store = world.stores.get(`${product} ${destination}`)!
  await answers(store)
  const newest = world.made.get(store)?.[0]
  if (newest === undefined) throw new BackupError('backup-missing', `there is no backup of ${product}`)
  const findings: Finding[] = [...live]
  for (const one of world.active(product)) {
    const critical = (code: string, message: string) =>
      findings.push({ severity: 'critical', code, message, hint: null })
    if (job === 'verify' && one.kind === 'damage' && one.destination === destination)
      critical('artifact-checksum', 'database.dump.gz.gpg is not what was stored')
    if (job === 'verify' && one.kind === 'key-missing') critical('key-missing', 'no key at hand opens it')
    if (job === 'drill' && one.kind === 'drill-fails') critical('rows-differ', 'orders has 3 rows fewer')
  }
  const report: VerificationReport = {
    ...{ product, id: newest.id, destination, level: job === 'drill' ? 'restored' : 'content', findings, checks: [] },
    ...{ ok: findings.length === 0, live: live.length > 0 || job === 'verify', tables: 0, rows: 0, readBytes: 3 },
    durationMs: 60_000,
  }
  if (findings.some(({ code }) => code === 'key-missing')) return report
  const record = recordOf(report, newest, world.now())
  const written = job === 'verify' ? record : drillRecordOf(record, newest, world.now())
  const seal = await (await world.sealOf(product))(sealedMessage(written))
  await putOnce(
    store,
    { ...written, seal },
    { folder: 'verifications', what: `the ${written.kind}`, signal: undefined },
  )
  return report
}

/** Throws where the store is down. */
async function answers(store: ObjectStore): Promise<void> {
  await store.head('x/y')
}

function drillRecordOf(record: ReturnType<typeof recordOf>, manifest: Manifest, now: Date) {
  const { live: _live, ...rest } = record
  const startedAt = now.toISOString()
  return {
    ...{ ...rest, ...backupFacts(manifest), kind: 'drill' as const, level: 'restored' as const, startedAt },
    ...{
      finishedAt: now.toISOString(),
      ok: isSound(record.findings),
      steps: [],
      proof: null,
      leftOut: [],
      databaseBytes: 1,
    },
    objectives: {
      ...{ ageMs: 0, rpoMs: null, rpoMet: null, recoveryMs: 60_000, totalMs: 60_000, rtoMs: null, rtoMet: null },
    },
    scratch: { kind: 'local' as const, serverVersion: '17.5' },
  }
}
