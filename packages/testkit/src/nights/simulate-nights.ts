import type { LifeboatConfig } from '../../../core/src/config/config-schema.js'
import { type Job, setOfJob } from '../../../core/src/config/jobs.js'
import { type JobSchedule, jobsOfSet } from '../../../core/src/config/schedule-schema.js'
import { secret } from '../../../core/src/config/secret.js'
import { readRecordSealer } from '../../../core/src/encryption/record-keys.js'
import { BackupError } from '../../../core/src/errors/backup-error.js'
import type { AlertItem, AlertMessage } from '../../../core/src/notify/alert-message.js'
import { outcomeOf } from '../../../core/src/notify/run-outcome.js'
import { checkSlack } from '../../../core/src/notify/testing/check-slack.js'
import { type ReceivedMail, startMailReceiver } from '../../../core/src/notify/testing/mail-receiver.js'
import { alertOperations } from '../../../core/src/operations/alerts.js'
import { openContext } from '../../../core/src/operations/open-context.js'
import { statusOperations } from '../../../core/src/operations/status.js'
import type { Manifest } from '../../../core/src/repository/manifest.js'
import { recordSalt } from '../../../core/src/repository/verification-record.js'
import { nextRun } from '../../../core/src/schedule/due-times.js'
import { timesOf } from '../../../core/src/schedule/plan-runs.js'
import { prepareToSeal } from '../../../core/src/seal/seal.js'
import { memoryStore } from '../../../core/src/store/memory-store.js'
import type { ObjectStore } from '../../../core/src/store/object-store.js'
import { faulty } from '../faulty-store.js'
import { openExamplePlans } from './example-plans.js'
import type { Planted } from './planted.js'
import { runPlanted } from './run-planted.js'

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
  /** Of which products the files are. */
  readonly products: readonly string[]
  readonly told: readonly Told[]
  /** A line for each message that a webhook got: `channel product`. */
  readonly messages: readonly string[]
  /** How many messages each of the addresses that are like Slack's got, each of a shape that Slack takes. */
  readonly slack: Readonly<Record<'shared' | 'examples', number>>
  readonly mails: readonly ReceivedMail[]
  readonly runs: number
  readonly looks: number
}

const hourMs = 3_600_000
const start = Date.parse('2026-11-01T00:00:00Z')
const channels = ['team', 'on-call'] as const

/**
 * Lets the products of the four examples run for nights by a clock of its own: their jobs by their schedules, each
 * reported as a real run is, and a second machine that looks every few hours. The jobs write what real ones leave in a
 * store; the configurations are the files, and status, plan, memory and messages the real ones. Beside the channels of
 * the files there are some that hear of every product, by which the rest is judged.
 */
export async function simulateNights(planted: readonly Planted[], nights: number, seed = 1): Promise<Nights> {
  const mailbox = await startMailReceiver({ hideSTARTTLS: true })
  const examples = await openExamplePlans({
    SLACK_WEBHOOK: 'https://hooks.example.org/slack/examples',
    SMTP_URL: `smtp://127.0.0.1:${mailbox.port}`,
  })
  try {
    return { ...(await simulate(planted, nights, seed, examples)), mails: mailbox.received }
  } finally {
    await examples.close()
    await mailbox.close()
  }
}

async function simulate(
  planted: readonly Planted[],
  nights: number,
  seed: number,
  examples: Awaited<ReturnType<typeof openExamplePlans>>,
): Promise<Omit<Nights, 'mails'>> {
  let now = start
  const hours = () => (now - start) / hourMs
  const active = (product: string) =>
    planted.filter(one => one.product === product && one.from <= hours() && hours() < one.until)
  const stores = new Map<string, ObjectStore>()
  const storeOf = (product: string, destination: string, configured: ObjectStore) => {
    // It takes what the configured one would: a lock, a storage class.
    const memory = { ...memoryStore({ now: () => new Date(now) }), capabilities: configured.capabilities }
    const store = faulty(memory, () => {
      if (active(product).some(one => one.kind === 'store-down' && one.destination === destination))
        throw new BackupError('store-unreachable', 'it does not answer')
    })
    stores.set(`${product} ${destination}`, store)
    return store
  }
  const told: Told[] = []
  const messages: string[] = []
  const slack = { shared: 0, examples: 0 }
  let runs = 0
  let looks = 0
  const deliver: typeof fetch = async (input, init) => {
    const path = new URL(String(input)).pathname
    const channel = path.slice(1)
    const body = String(init?.body)
    if (path.startsWith('/slack/')) {
      checkSlack({ method: 'POST', path, headers: { 'content-type': 'application/json' }, body })
      slack[path === '/slack/examples' ? 'examples' : 'shared'] += 1
    } else {
      const message: AlertMessage = JSON.parse(body)
      for (const { product, findings } of message.products) {
        messages.push(`${channel} ${product}`)
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
    notify: { webhook: channels.map(hook), slack: { webhook: secret.value('https://hooks.example.org/slack/shared') } },
    products: examples.productsWith(storeOf),
  }
  const machine = () => {
    const retry = { attempts: 1, firstDelayMs: 1, longestDelayMs: 1, budgetMs: 1 }
    const notify = { fetch: deliver, sleep: async () => {}, now: () => now, random: () => 0.5 }
    const context = openContext(config, {
      configFolder: examples.folder,
      deps: { now: () => new Date(now), retry, notify },
    })
    const status = statusOperations(context)
    const alerts = alertOperations(context, (products, signal) => status.status({ products, signal }))
    return { context, ...alerts }
  }
  const [working, watching] = [machine(), machine()]
  let tail = seed
  const made = new Map<ObjectStore, Manifest[]>()
  const seals = new Map<string, ReturnType<typeof openSeal>>()
  const openSeal = async (product: string) => {
    const { productOf, unlockFor, folder } = working.context
    const sealer = await readRecordSealer(productOf(product).encryption, await unlockFor(product)(), folder)
    return prepareToSeal(sealer!, recordSalt(product))
  }
  const sealOf = (product: string) => {
    const seal = seals.get(product) ?? openSeal(product)
    seals.set(product, seal)
    return seal
  }
  const world = {
    sealOf,
    now: () => new Date(now),
    active,
    stores,
    made,
    tail: () => (tail = (tail * 48_271) % 2_147_483_647),
  }

  const perform = async (product: string, job: Job, report: boolean) => {
    const startedAt = new Date(now)
    const parts = await runPlanted(world, working.context.productOf(product), product, job)
    runs += 1
    if (report) await working.reportRun(outcomeOf({ product, job, startedAt }, parts, new Date(now)))
  }
  const schedulesOf = (product: string): readonly JobSchedule[] => {
    const { schedule, objects = {} } = working.context.productOf(product)
    const sets = Object.entries(objects).flatMap(([set, one]) => (one.schedule ? [jobsOfSet(set, one.schedule)] : []))
    return schedule === undefined ? sets : [schedule, ...sets]
  }
  for (const product of Object.keys(config.products)) {
    for (const job of ['backup', 'verify', 'drill'] as const) await perform(product, job, false)
    for (const set of Object.keys(working.context.productOf(product).objects ?? {}))
      for (const does of ['copy', 'verify'] as const) await perform(product, `${does}:${set}`, false)
  }
  const due = new Map<string, number>()
  const stepMs = hourMs / 2
  for (let step = 1; step <= nights * 48; step++) {
    const before = new Date(now)
    now += stepMs
    for (const product of Object.keys(config.products)) {
      if (active(product).some(one => one.kind === 'scheduler-stopped')) continue
      for (const { job, expression } of schedulesOf(product).flatMap(timesOf)) {
        const key = `${product} ${job}`
        // Asked anew once it is over: most steps are before it.
        if ((due.get(key) ?? start) <= before.getTime())
          due.set(key, nextRun(expression, 'UTC', before)?.getTime() ?? Number.POSITIVE_INFINITY)
        // A set that is copied all day long is told of at night: the day shows nothing else, and takes its time.
        const isTold = setOfJob(job) === undefined || new Date(now).getUTCHours() < 6
        if (due.get(key)! <= now) await perform(product, job, isTold)
      }
    }
    if (step % 5 !== 0) continue
    looks += 1
    await watching.checkAlerts()
  }
  return { products: working.context.products, told, messages, slack, runs, looks }
}
