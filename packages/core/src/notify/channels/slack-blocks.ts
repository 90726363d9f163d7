import { type AlertItem, type AlertMessage, type ProductPart, saidOf, standingOf } from '../alert-message.js'

/** What an incoming webhook takes: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
export interface SlackPayload {
  /** What a notification shows. */
  readonly text: string
  readonly blocks: readonly SlackBlock[]
  readonly unfurl_links: false
  readonly unfurl_media: false
}

export type SlackBlock =
  | { readonly type: 'header'; readonly text: { readonly type: 'plain_text'; readonly text: string } }
  | { readonly type: 'section'; readonly text: Mrkdwn }
  | { readonly type: 'context'; readonly elements: readonly Mrkdwn[] }
  | { readonly type: 'divider' }

interface Mrkdwn {
  readonly type: 'mrkdwn'
  readonly text: string
}

/** Of a section's text, by https://docs.slack.dev/reference/block-kit/blocks/section-block; escaped characters count. */
const sectionLength = 3000
/** Of a header's, by https://docs.slack.dev/reference/block-kit/blocks/header-block */
const headerLength = 150
/**
 * All blocks together: Slack refuses more than about 13,000 characters although no limit says so
 * (https://github.com/slackapi/bolt-js/issues/2509).
 */
const messageLength = 9000
/** Of 50 that Slack takes. */
const mostItems = 20

const signs = { critical: '🔴', warning: '🟠', info: '🔵', recovered: '✅' } as const

/** The message as Slack's blocks: short paragraphs below each other, which a phone shows as they are. */
export function slackPayload(message: AlertMessage, now: Date): SlackPayload {
  const title = `${signs[message.state]} ${message.title}`
  const items =
    message.products.length > 1
      ? message.products.map(digestLine)
      : message.products.flatMap(part => itemsOf(part, now))
  const blocks: SlackBlock[] = [
    { type: 'header', text: { type: 'plain_text', text: cut(title, headerLength) } },
    ...fitting(items).map(section),
    ...message.notes.map(note => section(cut(escapeMrkdwn(note), sectionLength))),
  ]
  return { text: cut(escapeMrkdwn(title), sectionLength), blocks, unfurl_links: false, unfurl_media: false }
}

/** `&`, `<` and `>` are all that has to be escaped: https://docs.slack.dev/messaging/formatting-message-text */
export function escapeMrkdwn(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function itemsOf({ product, recovery, findings }: ProductPart, now: Date): string[] {
  const lead = recovery === null ? [] : [escapeMrkdwn(capital(recovery))]
  return [...lead, ...findings.map(item => itemText(item, now)), `See all: ${code(`lifeboat status ${product}`)}`]
}

function itemText(item: AlertItem, now: Date): string {
  const { what, severity, code: name, subject, hint, command } = item
  const state = what === 'recovered' ? 'recovered' : severity
  const head = `${signs[state]} *${capital(state)}* · ${[name, subject]
    .filter(one => one !== null)
    .map(escapeMrkdwn)
    .join(' · ')}`
  const lines = [head, escapeMrkdwn(cut(saidOf(item), 1000)), `_${standingOf(item, now)}_`]
  if (hint !== null && hint !== command) lines.push(escapeMrkdwn(cut(hint, 500)))
  if (command !== null) lines.push(code(command))
  return lines.join('\n')
}

function digestLine({ product, findings }: ProductPart): string {
  const [gravest] = findings
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : ''
  const said = gravest === undefined ? 'messages arrive here again' : cut(saidOf(gravest), 200)
  const state = gravest === undefined || gravest.what === 'recovered' ? 'recovered' : gravest.severity
  return `${signs[state]} *${product}*: ${escapeMrkdwn(said)}${more}`
}

/** As many as Slack takes, and how many are not shown. */
function fitting(items: readonly string[]): string[] {
  const shown: string[] = []
  let length = 0
  for (const item of items) {
    if (shown.length === mostItems || length + item.length > messageLength) break
    shown.push(item)
    length += item.length
  }
  const left = items.length - shown.length
  return left === 0 ? shown : [...shown, `and ${left} more: ${code('lifeboat status')}`]
}

function section(text: string): SlackBlock {
  return { type: 'section', text: { type: 'mrkdwn', text } }
}

/** A backtick would end it; none of our commands has one. */
function code(command: string): string {
  return `\`${escapeMrkdwn(command.replaceAll('`', "'"))}\``
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
