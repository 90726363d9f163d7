import { redactor } from '../http/redactor.js'

/** Markup that is safe as it stands. Everything else is text and gets escaped. */
export class Markup {
  constructor(readonly text: string) {}
}

type Insertable = string | number | Markup | null | undefined | false | readonly Insertable[]

/** Builds markup; every value that is put in is escaped unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...values: readonly Insertable[]): Markup {
  return new Markup(strings.reduce((text, part, at) => text + inserted(values[at - 1]) + part))
}

/** For markup from elsewhere, such as a chart. */
export function trusted(text: string): Markup {
  return new Markup(text)
}

function inserted(value: Insertable): string {
  if (value === null || value === undefined || value === false) return ''
  if (value instanceof Markup) return value.text
  if (typeof value === 'object') return value.map(inserted).join('')
  return escapeHtml(String(value))
}

const entities: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' },
}

/** Control characters and those that turn the direction of writing would let a name from a store hide itself. */
const hiding = /(?![\t\n])[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** A text from elsewhere, with what could hide a part of it made visible; not escaped yet. */
export function legible(text: string): string {
  return text.replace(hiding, '\ufffd')
}

/** Messages that were stored by other programs or by an earlier version of ours are shown to many. */
const withoutCredentials = redactor([], [])

function escapeHtml(text: string): string {
  return legible(withoutCredentials(text)).replace(/[&<>"']/g, char => entities[char]!)
}
