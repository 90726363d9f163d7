import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { DoctorCheck } from '../api/doctor.js'
import type { RunOptions } from '../api/run-options.js'
import type { ProductStatus, StatusFinding, StatusReport } from '../api/status.js'
import type { EmailConfig } from '../config/notify-schema.js'
import type { OpenContext } from '../operations/open-context.js'
import { worstOf } from '../status/judge-product.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { readAlertState } from './alert-memory.js'
import { pingName } from './channel-entries.js'
import { checkAddress, type Sent } from './channels/send-http.js'
import { loadNodemailer } from './channels/send-mail.js'
import { guarded } from './channels/send-message.js'
import { readSmtpAddress } from './channels/smtp-address.js'
import { nodeNotifyDeps } from './notify-deps.js'
import { type Channel, notifyPolicyOf } from './notify-policy.js'

/** What reading a memory may take while somebody waits for an answer about something else. */
const memoryMs = 5000
const readsInFlight = 8

/** What is known of channels that do not work, as findings of the status. */
export async function withChannelFindings(
  context: OpenContext,
  report: StatusReport,
  run: RunOptions,
): Promise<StatusReport> {
  const all = orderedParallel(each(report.products), readsInFlight, async (one): Promise<ProductStatus> => {
    const answering = one.destinations.filter(({ reachable }) => reachable).map(({ destination }) => destination)
    const found = await readChannelFindings(context, one.product, answering, run)
    if (found.length === 0) return one
    const findings = [...one.findings, ...found]
    return { ...one, findings, state: worstOf(findings) }
  })
  const products: ProductStatus[] = []
  for await (const one of all) products.push(one)
  return { ...report, products, state: worstOf(products.flatMap(({ findings }) => findings)) }
}

async function readChannelFindings(
  context: OpenContext,
  product: string,
  destinations: readonly string[],
  run: RunOptions,
): Promise<StatusFinding[]> {
  if (notifyPolicyOf(context.resolved, product) === undefined) return []
  const stores = context
    .destinationsFor(product, run)
    .flatMap(([name, { store }]) => (destinations.includes(name) ? store : []))
  const deps = { ...nodeNotifyDeps(), ...context.deps.notify, memoryMs }
  const { state } = await readAlertState({ product, stores, deps, signal: run.signal })
  return state.entries
    .filter(({ source, closedAt }) => source === 'channel' && closedAt === null)
    .map(({ code, subject, severity, message, hint, since }) => ({
      product,
      code,
      subject,
      severity,
      message,
      hint,
      since,
    }))
}

/** Whether everything that the channels of a product need is at hand, and what their last message came to. Sends nothing. */
export async function checkChannels(context: OpenContext, product: string, run: RunOptions): Promise<DoctorCheck[]> {
  const policy = notifyPolicyOf(context.resolved, product)
  if (policy === undefined) return []
  const known = await readChannelFindings(context, product, Object.keys(context.productOf(product).destinations), run)
  const check = async (name: string, look: () => Promise<Sent>): Promise<DoctorCheck> => {
    const { ok, message, hint } = await guarded(run.signal, look)
    const failing = known.find(({ subject }) => subject === name)
    const common = { product, area: 'alerts' }
    if (!ok) return { ...common, ok, message: `${name}: ${message}`, hint }
    if (failing !== undefined) return { ...common, ok: false, message: failing.message, hint: failing.hint }
    return { ...common, ok, message: `${name}: ${message}`, hint }
  }
  const ready = (text: string): Sent =>
    checkAddress(text) ?? {
      ok: true,
      message: `all it needs is at hand; \`lifeboat notify test ${product}\` sends a message`,
      hint: null,
    }
  const channels = policy.channels.map(one => check(one.name, () => lookAt(one, context.folder, ready)))
  const pings = [...policy.pingSettings].map(([job, url]) => check(pingName(job), async () => ready(url.read())))
  return Promise.all([...channels, ...pings])
}

async function lookAt(channel: Channel, folder: string, ready: (address: string) => Sent): Promise<Sent> {
  if (channel.kind === 'slack') return ready(channel.settings.webhook.read())
  if (channel.kind === 'email') return lookAtMail(channel.settings, folder, ready)
  channel.settings.secret.read()
  return ready(channel.settings.url.read())
}

async function lookAtMail({ smtp, ca }: EmailConfig, folder: string, ready: (address: string) => Sent): Promise<Sent> {
  await loadNodemailer()
  readSmtpAddress(smtp)
  if (ca !== undefined) await access(resolve(folder, ca))
  // A mail server has no address of this kind that could be wrong.
  return ready('https://localhost')
}

async function* each<T>(all: readonly T[]): AsyncIterable<T> {
  yield* all
}
