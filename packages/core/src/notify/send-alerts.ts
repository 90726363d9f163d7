import type { AlertDelivery, AlertReport } from '../api/alerts.js'
import type { ObjectStore } from '../store/object-store.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { readAlertState, type Turn, takeTurn, writeAlertState } from './alert-memory.js'
import { composeMessage, type MessagePart } from './alert-message.js'
import { type AlertState, entryKey, mergeStates } from './alert-state.js'
import type { Sent } from './channels/send-http.js'
import { type SendWork, sendMessage } from './channels/send-message.js'
import { type MessageOutcome, noteDeliveries } from './note-deliveries.js'
import type { NotifyPolicy } from './notify-policy.js'
import type { Seen } from './observe.js'
import { type AlertPlan, isFailing, planAlerts } from './plan-alerts.js'

/** A product that somebody looked at. */
export interface LookedAt {
  readonly product: string
  readonly policy: NotifyPolicy
  readonly rpoMs: number | undefined
  /** Where what was sent is remembered. */
  readonly stores: readonly ObjectStore[]
  readonly seen: Seen
}

export interface AlertWork extends SendWork {
  readonly now: () => Date
  /** What this process knows, where no store remembers it. */
  readonly remembered: Map<string, AlertState>
}

/** Channels that more products than this share get one message for all of them. */
const productsApart = 5
const productsAtOnce = 8

/** Tells whom it concerns what changed, and remembers it. */
export async function sendAlerts(all: readonly LookedAt[], work: AlertWork): Promise<AlertReport> {
  const warnings: string[] = []
  const turns: ProductTurn[] = []
  const busy: LookedAt[] = []
  const deliveries: AlertDelivery[] = []
  try {
    const alone = all.length === 1
    for await (const _ of orderedParallel(fromArray(all), productsAtOnce, async one => {
      const begun = await beginTurn(one, alone, work)
      if (begun === 'busy') busy.push(one)
      else if (begun !== 'nothing') turns.push(begun)
    }));
    const first = await sendRound(turns, work)
    // What the first round found out about channels, the others are told in a second one.
    for (const turn of turns) await turn.turn.extend()
    const second = await sendRound(
      turns.filter(turn => replan(turn, work)),
      work,
    )
    const kept = orderedParallel(fromArray(turns), productsAtOnce, turn => keep(turn, work))
    for await (const warning of kept) if (warning !== null) warnings.push(warning)
    deliveries.push(...first, ...second)
  } finally {
    await Promise.all(turns.map(({ turn }) => turn.end()))
  }
  // Somebody else was telling of these: most often there is nothing left to say.
  for (const one of busy) {
    const later = await sendAlerts([one], work)
    deliveries.push(...later.deliveries)
    warnings.push(...later.warnings)
  }
  return { deliveries, warnings }
}

/** A product of which something is to be told or remembered, while nobody else tells anything of it. */
interface ProductTurn {
  readonly looked: LookedAt
  readonly turn: Turn
  plan: AlertPlan
}

async function beginTurn(
  looked: LookedAt,
  patient: boolean,
  work: AlertWork,
): Promise<ProductTurn | 'nothing' | 'busy'> {
  const memory = memoryOf(looked, work)
  const before = await recall(looked, work)
  // Most of the time there is nothing to tell, and nobody has to wait.
  if (!isNews(before, planAlerts(before, looked.seen, looked.policy, work.now()))) return 'nothing'
  const turn = await takeTurn(memory, patient)
  if (turn === undefined) return 'busy'
  try {
    const state = await recall(looked, work)
    return { looked, turn, plan: planAlerts(state, looked.seen, looked.policy, work.now()) }
  } catch (error) {
    await turn.end()
    throw error
  }
}

function memoryOf({ product, stores }: LookedAt, { deps, signal }: AlertWork) {
  return { product, stores, deps, signal }
}

async function recall(looked: LookedAt, work: AlertWork): Promise<AlertState> {
  const { state } = await readAlertState(memoryOf(looked, work))
  const own = work.remembered.get(looked.product)
  return own === undefined ? state : mergeStates([state, own])
}

/** Whether there is something to send, or something began, ended or changed its severity. */
function isNews(before: AlertState, { send, nextState }: AlertPlan): boolean {
  if (send.length > 0) return true
  const known = new Map(before.entries.map(entry => [entryKey(entry), entry]))
  return nextState.entries.some(entry => {
    const old = known.get(entryKey(entry))
    if (old === undefined || old.severity !== entry.severity) return true
    // When a run failed last is what its mending is judged by.
    return (
      (old.closedAt === null) !== (entry.closedAt === null) || (entry.source === 'run' && old.seenAt !== entry.seenAt)
    )
  })
}

/** Plans again with what is known of the channels now. @returns whether there is more to send */
function replan(turn: ProductTurn, work: AlertWork): boolean {
  const { policy } = turn.looked
  const nothing = { status: null, outcome: null }
  const plan = planAlerts(turn.plan.nextState, nothing, policy, work.now())
  const send = plan.send.filter(
    ({ channel, events }) =>
      !isFailing(plan.nextState, channel) && events.some(({ entry }) => entry.source === 'channel'),
  )
  turn.plan = { ...plan, send }
  return send.length > 0
}

async function keep({ looked, plan }: ProductTurn, work: AlertWork): Promise<string | null> {
  const failure = await writeAlertState(memoryOf(looked, work), plan.nextState)
  if (failure === null) {
    work.remembered.delete(looked.product)
    return null
  }
  work.remembered.set(looked.product, plan.nextState)
  return `${looked.product}: what was sent could not be remembered, and may be sent again: ${failure}`
}

/** Sends what is planned: each channel at the same time, its messages one after the other. */
async function sendRound(turns: readonly ProductTurn[], work: AlertWork): Promise<AlertDelivery[]> {
  const deliveries: AlertDelivery[] = []
  const outcomes = new Map<ProductTurn, MessageOutcome[]>(turns.map(turn => [turn, []]))
  await Promise.all(
    groupByChannel(turns).map(async ({ channel, letters }) => {
      let last: Sent | undefined
      for (const letter of letters) {
        const message = composeMessage(letter.map(partOf), work.deps.newId(), work.now())
        // One that failed is not tried for every product: the rest is sent the next time.
        const sent = last?.ok === false ? last : await sendMessage(channel, message, sendWorkFor(letter, work))
        last = sent
        const failure = sent.ok ? null : { message: sent.message, hint: sent.hint }
        for (const { turn, planned } of letter) outcomes.get(turn)!.push({ message: planned, failure })
        deliveries.push({
          ...{ products: letter.map(({ turn }) => turn.looked.product), channel: channel.name, kind: channel.kind },
          ...{ title: message.title, ok: sent.ok, message: sent.message, hint: sent.hint },
        })
      }
    }),
  )
  for (const [turn, done] of outcomes)
    turn.plan = { send: [], nextState: noteDeliveries(turn.plan.nextState, done, work.now()) }
  return deliveries
}

type Planned = { readonly turn: ProductTurn; readonly planned: MessageOutcome['message'] }

/** What a channel is to be sent: a letter for each product, or one for many. */
function groupByChannel(turns: readonly ProductTurn[]) {
  const groups = new Map<unknown, { channel: NotifyPolicy['channels'][number]; all: Planned[] }>()
  for (const turn of turns) {
    for (const planned of turn.plan.send) {
      const channel = turn.looked.policy.channels.find(({ name }) => name === planned.channel)
      if (channel === undefined) continue
      // The settings that products share are one and the same object.
      const group = groups.get(channel.settings) ?? { channel, all: [] }
      group.all.push({ turn, planned })
      groups.set(channel.settings, group)
    }
  }
  return [...groups.values()].map(({ channel, all }) => ({
    channel,
    letters: all.length > productsApart ? [all] : all.map(one => [one]),
  }))
}

/** A channel that did not work the last time is tried once: nobody is to wait for it every time. */
function sendWorkFor(letter: readonly Planned[], work: AlertWork): SendWork {
  const { folder, deps, signal } = work
  const failing = letter.every(({ planned }) => planned.afterFailure)
  return { folder, signal, deps: failing ? { ...deps, retry: { ...deps.retry, attempts: 1 } } : deps }
}

function partOf({ turn, planned }: Planned): MessagePart {
  const { product, seen, rpoMs } = turn.looked
  return { product, planned, status: seen.status, rpoMs }
}

async function* fromArray<T>(all: readonly T[]): AsyncIterable<T> {
  yield* all
}
