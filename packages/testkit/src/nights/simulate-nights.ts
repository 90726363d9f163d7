import type { BackupResult } from '../../../core/src/api/backups.js'
import type { Finding, VerificationReport } from '../../../core/src/api/verification.js'
import type { LifeboatConfig } from '../../../core/src/config/config-schema.js'
import { type ScheduledJob, scheduledJobs } from '../../../core/src/config/schedule-schema.js'
import { secret } from '../../../core/src/config/secret.js'
import { destinationTurn } from '../../../core/src/destination/destination-schedule.js'
import { BackupError } from '../../../core/src/errors/backup-error.js'
import type { AlertItem, AlertMessage } from '../../../core/src/notify/alert-message.js'
import { outcomeOf, type RunPart } from '../../../core/src/notify/run-outcome.js'
import { checkSlack } from '../../../core/src/notify/testing/check-slack.js'
import { alertOperations } from '../../../core/src/operations/alerts.js'
import { openContext } from '../../../core/src/operations/open-context.js'
import { statusOperations } from '../../../core/src/operations/status.js'
import { backupPrefix, manifestKey } from '../../../core/src/repository/layout.js'
import type { Manifest } from '../../../core/src/repository/manifest.js'
import { writeRecord } from '../../../core/src/repository/verification-record.js'
import { nextRun } from '../../../core/src/schedule/due-times.js'
import { memoryStore } from '../../../core/src/store/memory-store.js'
import type { ObjectStore } from '../../../core/src/store/object-store.js'
import { bytesOf } from '../../../core/src/streams/byte-source.js'
import { isSound } from '../../../core/src/verify/finding.js'
import { backupFacts, recordOf } from '../../../core/src/verify/record-of.js'
import { faulty } from '../faulty-store.js'
import { sampleManifest } from '../sample-manifest.js'
import { planShapes } from './plan-shapes.js'
import type { Planted } from './planted.js'

/** Something that a channel was told. */
export interface Told {
  /** Hours from the start. */
  readonly at: number
  readonly channel: string
  readonly product: string
  readonly what: AlertItem['what']
  /** Code and subject. */
  readonly of: string
}

export interface Nights {
  readonly told: readonly Told[]
  /** Messages that arrived at the channel that is like Slack, each of a shape that Slack takes. */
  readonly slackMessages: number
  readonly runs: number
  readonly looks: number
}

const hourMs = 3_600_000
const start = Date.parse('2026-11-01T00:00:00Z')
const channels = ['team', 'on-call'] as const

/**
 * Lets four products run for nights by a clock of its own: their jobs by their schedules, each reported as a real run is,
 * and a second machine that looks every few hours. The jobs write what real ones leave in a store; status, plan, memory
 * and messages are the real ones.
 */
export async function simulateNights(planted: readonly Planted[], nights: number, seed = 1): Promise<Nights> {
  let now = start
  const hours = () => (now - start) / hourMs
  const active = (product: string) =>
    planted.filter(one => one.product === product && one.from <= hours() && hours() < one.until)
  const stores = new Map<string, ObjectStore>()
  const storeOf = (product: string, destination: string) => {
    const store = faulty(memoryStore({ now: () => new Date(now) }), () => {
      if (active(product).some(one => one.kind === 'store-down' && one.destination === destination))
        throw new BackupError('store-unreachable', 'it does not answer')
    })
    stores.set(`${product} ${destination}`, store)
    return store
  }
  const told: Told[] = []
  let slackMessages = 0
  let runs = 0
  let looks = 0
  const deliver: typeof fetch = async (input, init) => {
    const channel = new URL(String(input)).pathname.slice(1)
    const body = String(init?.body)
    if (channel === 'slack') {
      checkSlack({ method: 'POST', path: '/slack', headers: { 'content-type': 'application/json' }, body })
      slackMessages += 1
    } else {
      const message: AlertMessage = JSON.parse(body)
      for (const { product, findings } of message.products) {
        for (const { what, code, subject } of findings)
          told.push({ at: hours(), channel, product, what, of: subject === null ? code : `${code} ${subject}` })
      }
    }
    return new Response('ok')
  }
  const hook = (name: string) => ({
    ...{ name, url: secret.value(`https://hooks.example.org/${name}`), secret: secret.value('signing key') },
    severities: name === 'team' ? (['critical', 'warning'] as const).slice() : ['critical' as const],
  })
  const config: LifeboatConfig = {
    notify: { webhook: channels.map(hook), slack: { webhook: secret.value('https://hooks.example.org/slack') } },
    products: planShapes(storeOf),
  }
  const machine = () => {
    const retry = { attempts: 1, firstDelayMs: 1, longestDelayMs: 1, budgetMs: 1 }
    const notify = { fetch: deliver, sleep: async () => {}, now: () => now, random: () => 0.5 }
    const context = openContext(config, { deps: { now: () => new Date(now), retry, notify } })
    const status = statusOperations(context)
    const alerts = alertOperations(context, (products, signal) => status.status({ products, signal }))
    return { context, ...alerts }
  }
  const [working, watching] = [machine(), machine()]
  let tail = seed
  const made = new Map<ObjectStore, Manifest[]>()
  const world = { now: () => new Date(now), active, stores, made, tail: () => (tail = (tail * 48_271) % 2_147_483_647) }

  const perform = async (product: string, job: ScheduledJob, report: boolean) => {
    const startedAt = new Date(now)
    const parts = await runPlanted(world, working.context.productOf(product), product, job)
    runs += 1
    if (report) await working.reportRun(outcomeOf({ product, job, startedAt }, parts, new Date(now)))
  }
  for (const product of Object.keys(config.products))
    for (const job of ['backup', 'verify', 'drill'] as const) await perform(product, job, false)
  const due = new Map<string, number>()
  const stepMs = hourMs / 2
  for (let step = 1; step <= nights * 48; step++) {
    const before = new Date(now)
    now += stepMs
    for (const product of Object.keys(config.products)) {
      const { schedule } = working.context.productOf(product)
      if (active(product).some(one => one.kind === 'scheduler-stopped')) continue
      for (const job of scheduledJobs) {
        const expression = schedule?.[job]
        if (expression === undefined) continue
        const key = `${product} ${job}`
        // Asked anew once it is over: most steps are before it.
        if ((due.get(key) ?? start) <= before.getTime())
          due.set(key, nextRun(expression, 'UTC', before)?.getTime() ?? Number.POSITIVE_INFINITY)
        if (due.get(key)! <= now) await perform(product, job, true)
      }
    }
    if (step % 5 !== 0) continue
    looks += 1
    await watching.checkAlerts()
  }
  return { told, slackMessages, runs, looks }
}

interface World {
  readonly now: () => Date
  readonly active: (product: string) => readonly Planted[]
  readonly stores: ReadonlyMap<string, ObjectStore>
  /** What each store holds, newest first. */
  readonly made: Map<ObjectStore, Manifest[]>
  /** A number that was not drawn before. */
  readonly tail: () => number
}

type Config = ReturnType<ReturnType<typeof openContext>['productOf']>

/** Does what a job leaves in the stores, or fails as planted; each part as a real call would resolve or reject. */
async function runPlanted(world: World, config: Config, product: string, job: ScheduledJob): Promise<RunPart[]> {
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

async function backUp(world: World, config: Config, product: string): Promise<BackupResult> {
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
  await writeRecord(store, job === 'verify' ? record : drillRecordOf(record, newest, world.now()))
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
