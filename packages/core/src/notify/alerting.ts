import type { AlertDelivery, AlertReport, CheckAlertsOptions, TestAlertsOptions } from '../api/alerts.js'
import type { RunOptions } from '../api/run-options.js'
import type { ProductStatus, StatusReport } from '../api/status.js'
import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import type { OpenContext } from '../operations/open-context.js'
import type { ObjectStore } from '../store/object-store.js'
import { readAlertState, takeTurn, writeAlertState } from './alert-memory.js'
import { composeTest } from './alert-message.js'
import type { AlertState } from './alert-state.js'
import { type ChannelFailure, pingName } from './channel-entries.js'
import type { Sent } from './channels/send-http.js'
import { guarded, sendMessage } from './channels/send-message.js'
import { sendPing } from './channels/send-ping.js'
import { noteDeliveries } from './note-deliveries.js'
import { nodeNotifyDeps } from './notify-deps.js'
import { type Channel, type NotifyPolicy, notifyPolicyOf } from './notify-policy.js'
import type { RunOutcome, RunStart } from './run-outcome.js'
import { type AlertWork, type LookedAt, sendAlerts } from './send-alerts.js'

/** What alerts are decided from. */
export type ReadStatus = (products: readonly string[], signal: AbortSignal) => Promise<StatusReport>

/** Everything that alerts of an opened configuration work with. */
export interface Alerting {
  readonly context: OpenContext
  readonly readStatus: ReadStatus
  readonly remembered: Map<string, AlertState>
}

const statusMs = 120_000
const nothing: AlertReport = { deliveries: [], warnings: [] }

export async function reportStart(alerting: Alerting, run: RunStart, options: RunOptions): Promise<AlertReport> {
  const policy = policyOf(alerting, run.product)
  const delivery =
    policy && (await ping(alerting, policy, run, 'start', `${run.job} of ${run.product} begins`, options))
  return delivery ? { deliveries: [delivery], warnings: [] } : nothing
}

export async function reportRun(alerting: Alerting, outcome: RunOutcome, options: RunOptions): Promise<AlertReport> {
  const { product } = outcome
  const policy = policyOf(alerting, product)
  if (policy === undefined || outcome.result === 'cancelled') return nothing
  const what = outcome.result === 'ok' ? 'success' : 'fail'
  const pinging = ping(alerting, policy, outcome, what, outcome.summary, options)
  const [delivery, { status, warnings }] = await Promise.all([pinging, lookAt(alerting, [product], options)])
  const pings = delivery && {
    [delivery.channel]: delivery.ok ? null : { message: delivery.message, hint: delivery.hint },
  }
  const seen = { status: status.get(product) ?? null, outcome, pings }
  const sent = await sendAlerts([lookedAt(alerting, product, policy, seen, options)], workOf(alerting, options))
  return {
    deliveries: [...(delivery ? [delivery] : []), ...sent.deliveries],
    warnings: [...warnings, ...sent.warnings],
  }
}

export async function checkAlerts(alerting: Alerting, options: CheckAlertsOptions): Promise<AlertReport> {
  const told = productsWithPolicy(alerting, options.products)
  if (told.length === 0)
    return { deliveries: [], warnings: ['nobody is told of anything: there is no `notify` in the configuration'] }
  const { status, warnings } = await lookAt(
    alerting,
    told.map(({ product }) => product),
    options,
  )
  const memory = options.memory === undefined ? undefined : [options.memory]
  const all = told.map(({ product, policy }) =>
    lookedAt(alerting, product, policy, { status: status.get(product) ?? null, outcome: null }, options, memory),
  )
  const sent = await sendAlerts(all, workOf(alerting, options))
  return { deliveries: sent.deliveries, warnings: [...warnings, ...sent.warnings] }
}

export async function testAlerts(alerting: Alerting, options: TestAlertsOptions): Promise<AlertReport> {
  const told = productsWithPolicy(alerting, options.products)
  const wanted = (name: string) => options.channel === undefined || options.channel === name
  const channels = new Map<unknown, { readonly channel: Channel; readonly products: string[] }>()
  const tests: Promise<AlertDelivery>[] = []
  for (const { product, policy } of told) {
    for (const channel of policy.channels.filter(({ name }) => wanted(name))) {
      const known = channels.get(channel.settings) ?? { channel, products: [] }
      known.products.push(product)
      channels.set(channel.settings, known)
    }
    for (const job of policy.pings.filter(one => wanted(pingName(one)))) {
      const body = 'Somebody typed `lifeboat notify test`. This is a log line and no run.'
      tests.push(ping(alerting, policy, { product, job }, 'log', body, options).then(one => one!))
    }
  }
  if (channels.size + tests.length === 0) throw noSuchChannel(alerting, options)
  for (const { channel, products } of channels.values()) tests.push(testChannel(alerting, channel, products, options))
  const deliveries = await Promise.all(tests)
  const warnings = await Promise.all(
    told.map(({ product, policy }) => noteTests(alerting, product, policy, deliveries, options)),
  )
  return { deliveries, warnings: warnings.filter(one => one !== null) }
}

function policyOf({ context }: Alerting, product: string): NotifyPolicy | undefined {
  return context.known(product) === undefined ? undefined : notifyPolicyOf(context.resolved, product)
}

function productsWithPolicy(alerting: Alerting, named: readonly string[] | undefined) {
  const { products, productOf } = alerting.context
  return [...new Set(named ?? products)].flatMap(product => {
    productOf(product)
    const policy = policyOf(alerting, product)
    return policy === undefined ? [] : [{ product, policy }]
  })
}

/** The status of products, as far as it can be read in time: what a run itself knows is told without it. */
async function lookAt({ readStatus }: Alerting, products: readonly string[], { signal }: RunOptions) {
  const timeout = AbortSignal.timeout(statusMs)
  try {
    if (products.length === 0 || readStatus === undefined)
      return { status: new Map<string, ProductStatus>(), warnings: [] }
    const report = await readStatus(products, signal === undefined ? timeout : AbortSignal.any([signal, timeout]))
    return { status: new Map(report.products.map(one => [one.product, one])), warnings: [] }
  } catch (error) {
    throwIfCancelled(signal)
    const why = error instanceof Error ? error.message : String(error)
    return { status: new Map<string, ProductStatus>(), warnings: [`the status could not be read: ${why}`] }
  }
}

function lookedAt(
  { context }: Alerting,
  product: string,
  policy: NotifyPolicy,
  seen: LookedAt['seen'],
  run: RunOptions,
  memory?: readonly ObjectStore[],
): LookedAt {
  const { objectives, destinations } = context.productFor(product, run)
  const stores = memory ?? Object.values(destinations).map(({ store }) => store)
  return { product, policy, rpoMs: objectives.rpo, stores, seen }
}

function workOf({ context, remembered }: Alerting, { signal }: RunOptions): AlertWork {
  const deps = { ...nodeNotifyDeps(), ...context.deps.notify }
  return { folder: context.folder, deps, signal, now: context.deps.now, remembered }
}

/** Undefined where nobody wants a ping of this job. */
async function ping(
  alerting: Alerting,
  { pingSettings }: NotifyPolicy,
  { product, job }: RunStart,
  what: Parameters<typeof sendPing>[1],
  body: string,
  options: RunOptions,
): Promise<AlertDelivery | undefined> {
  // Each job has its own: that of a product's backups must not say that a copy failed.
  const url = pingSettings.get(job)
  if (url === undefined) return undefined
  const { deps, signal } = workOf(alerting, options)
  const sent = await guarded(signal, () => sendPing(url, what, body, deps, signal))
  return deliveryOf({ name: pingName(job), kind: 'ping' }, [product], what, sent)
}

async function testChannel(
  alerting: Alerting,
  channel: Channel,
  products: readonly string[],
  options: RunOptions,
): Promise<AlertDelivery> {
  const work = workOf(alerting, options)
  const message = composeTest(products, channel.name, work.deps.newId(), work.now())
  return deliveryOf(channel, products, message.title, await sendMessage(channel, message, work))
}

function deliveryOf(
  { name: channel, kind }: { readonly name: string; readonly kind: AlertDelivery['kind'] },
  products: readonly string[],
  title: string,
  { ok, message, hint }: Sent,
): AlertDelivery {
  return { products, channel, kind, title, ok, message, hint }
}

/** A test tells whether channels work; the next check tells the others when that changed. */
async function noteTests(
  alerting: Alerting,
  product: string,
  policy: NotifyPolicy,
  deliveries: readonly AlertDelivery[],
  options: RunOptions,
): Promise<string | null> {
  const work = workOf(alerting, options)
  const { stores } = lookedAt(alerting, product, policy, { status: null, outcome: null }, options)
  const memory = { product, stores, deps: work.deps, signal: work.signal }
  const own = deliveries.filter(({ products }) => products.includes(product))
  const noted = (state: AlertState) =>
    noteDeliveries(
      state,
      own.map(({ channel, ok, message, hint }) => {
        const failure: ChannelFailure = ok ? null : { message, hint }
        return { message: { channel, events: [], afterFailure: false, lastBeforeSilence: false }, failure }
      }),
      work.now(),
    )
  const { state } = await readAlertState(memory)
  if (own.every(({ ok }) => ok) && !state.entries.some(({ source }) => source === 'channel')) return null
  const turn = await takeTurn(memory, true)
  try {
    const failure = await writeAlertState(memory, noted((await readAlertState(memory)).state))
    return failure === null ? null : `${product}: which channels work could not be remembered: ${failure}`
  } finally {
    await turn?.end()
  }
}

function noSuchChannel(alerting: Alerting, { channel, products }: TestAlertsOptions): BackupError {
  const names = productsWithPolicy(alerting, products).flatMap(({ policy }) => [
    ...policy.channels.map(({ name }) => name),
    ...policy.pings.map(pingName),
  ])
  const of = products === undefined || products.length === 0 ? '' : ` of ${products.join(', ')}`
  return new BackupError(
    'config-invalid',
    channel === undefined
      ? `no alert channel${of} is configured`
      : `no alert channel${of} is called ${JSON.stringify(channel)}`,
    {
      hint:
        names.length === 0
          ? 'add `notify` to the configuration: docs/alerts.md'
          : `configured: ${[...new Set(names)].join(', ')}`,
    },
  )
}
