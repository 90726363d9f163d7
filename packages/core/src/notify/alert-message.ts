import type { ProductStatus } from '../api/status.js'
import { spokenDuration } from '../report/quantities.js'
import { commandFor } from './command-for.js'
import type { Severity } from './notify-policy.js'
import type { AlertEvent, PlannedMessage } from './plan-alerts.js'
import { recoverySentence } from './recovery-sentence.js'

/** One finding in a message. */
export interface AlertItem {
  readonly what: AlertEvent['what']
  readonly severity: Severity
  readonly code: string
  readonly subject: string | null
  readonly message: string
  /** RFC 3339. */
  readonly since: string
  /** When it was gone; null while it lasts. */
  readonly until: string | null
  readonly hint: string | null
  /** What to type; null when it is over. */
  readonly command: string | null
}

/** What a message says of one product. */
export interface ProductPart {
  readonly product: string
  /** What all of it means for a recovery; null where the status could not be read. */
  readonly recovery: string | null
  /** Gravest first. */
  readonly findings: readonly AlertItem[]
}

/** A message, before it takes the shape of a channel. */
export interface AlertMessage {
  /** Of this shape; the webhook's JSON is it. */
  readonly version: 1
  /** The same at every attempt to send it. */
  readonly id: string
  readonly kind: 'alert' | 'test'
  /** RFC 3339. */
  readonly sentAt: string
  /** The gravest of what is told; `recovered` when only that something is over; `info` for a test. */
  readonly state: Severity | 'recovered'
  /** One line. */
  readonly title: string
  /** One; several where too many products have something to tell at once. */
  readonly products: readonly ProductPart[]
  readonly notes: readonly string[]
}

/** What a message to one channel is made of, for one product. */
export interface MessagePart {
  readonly product: string
  readonly planned: PlannedMessage
  readonly status: ProductStatus | null
  readonly rpoMs: number | undefined
}

/** Puts what is to be told into words: for one product, or for several at once. */
export function composeMessage(parts: readonly MessagePart[], id: string, now: Date): AlertMessage {
  const products = parts.map(({ product, planned, status, rpoMs }) => ({
    product,
    recovery: recoverySentence(status, rpoMs, now),
    findings: planned.events.map(event => itemOf(product, event)),
  }))
  const findings = products.flatMap(one => one.findings)
  const lasting = findings.filter(({ what }) => what !== 'recovered')
  const state =
    (['critical', 'warning', 'info'] as const).find(one => lasting.some(({ severity }) => severity === one)) ??
    'recovered'
  const notes: string[] = []
  if (parts.some(({ planned }) => planned.afterFailure))
    notes.push(
      findings.length === 0
        ? 'Messages could not be sent here for a while, and now can be. Nothing that was missed still matters.'
        : 'Messages could not be sent here for a while; what was missed is above.',
    )
  if (parts.some(({ planned }) => planned.lastBeforeSilence))
    notes.push('Many messages within an hour: until it is calmer, only what is new and critical is sent at once.')
  return {
    ...{ version: 1, id, kind: 'alert', sentAt: now.toISOString(), state },
    title: titleOf(products, state),
    products,
    notes,
  }
}

/** A message that shows that a channel works. */
export function composeTest(products: readonly string[], channel: string, id: string, now: Date): AlertMessage {
  return {
    ...{ version: 1, id, kind: 'test', sentAt: now.toISOString(), state: 'info' },
    title: `TEST: Lifeboat's alerts reach ${channel}`,
    products: [],
    notes: [`Somebody typed \`lifeboat notify test\`. This channel hears of: ${products.join(', ')}.`],
  }
}

function itemOf(product: string, { what, entry }: AlertEvent): AlertItem {
  const { severity, code, subject, message, since, closedAt, hint } = entry
  const over = what === 'recovered'
  return {
    ...{ what, severity, code, subject, message, since },
    until: over ? closedAt : null,
    hint: over ? null : hint,
    command: over ? null : commandFor(product, entry),
  }
}

function titleOf(products: readonly ProductPart[], state: AlertMessage['state']): string {
  const word = state.toUpperCase()
  const [first] = products
  if (products.length > 1 || first === undefined) {
    const names = products.map(({ product }) => product).join(', ')
    return cut(`${word}: ${products.length} products: ${names}`, 150)
  }
  const { product, findings } = first
  if (findings.length === 0) return `${product}: messages arrive here again`
  const [gravest] = findings
  const more = findings.length === 1 ? '' : ` (and ${findings.length - 1} more)`
  const still = gravest!.what === 'repeated' ? 'still: ' : ''
  return `${cut(`${word} ${product}: ${still}${saidOf(gravest!)}`, 150 - more.length)}${more}`
}

/** What a finding says; of one that is over, that it is. */
export function saidOf({ what, message }: AlertItem): string {
  return what === 'recovered' ? `this is over: ${message}` : message
}

/** `new, since 2026-11-21 02:00 UTC`: how a finding stands. */
export function standingOf({ what, since, until }: AlertItem, now: Date): string {
  const began = `${since.slice(0, 10)} ${since.slice(11, 16)} UTC`
  if (what === 'recovered') {
    const lasted = spokenDuration(Date.parse(until ?? now.toISOString()) - Date.parse(since))
    return `over after ${lasted}, since ${began}`
  }
  const ageMs = now.getTime() - Date.parse(since)
  const age = ageMs < 60_000 ? '' : ` (${spokenDuration(ageMs)})`
  const word = { appeared: '', worse: 'worse than before, ', repeated: 'still, ' }[what]
  return `${word}since ${began}${age}`
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
