import type { ObjectSetStatus, ObjectsDestinationStatus } from '../api/status.js'
import { html, type Markup } from './html.js'
import { spokenBytes, spokenCount, spokenDuration, spokenTime } from './quantities.js'

const columns = ['Destination', 'Newest snapshot', 'Age', 'Objects', 'Size', 'Read back'] as const
const numeric: ReadonlySet<string> = new Set(['Age', 'Objects', 'Size'])

/** The copies of a product's sets of objects; nothing where it has none. */
export function objectSection(sets: readonly ObjectSetStatus[], product: string): Markup | '' {
  if (sets.length === 0) return ''
  return html`<h3>Copied objects</h3>
${sets.map(set => setTable(set, product))}`
}

function setTable({ set, source, rpoMs, destinations }: ObjectSetStatus, product: string): Markup {
  const head = columns.map(
    title => html`<th scope="col" role="columnheader" class="${numeric.has(title) ? 'number' : ''}">${title}</th>`,
  )
  const rpo = rpoMs === null ? '' : html`; at most ${spokenDuration(rpoMs)} old`
  return html`<p><b>${set}</b> <span class="quiet">from ${source}${rpo}</span></p>
<div class="scroll stack" role="region" aria-label="Copies of ${set} of ${product}" tabindex="0"><table role="table">
<thead role="rowgroup"><tr role="row">${head}</tr></thead>
<tbody role="rowgroup">${destinations.map(row)}</tbody></table></div>`
}

function row({
  destination,
  location,
  reachable,
  newest,
  snapshots,
  lastVerification,
}: ObjectsDestinationStatus): Markup {
  const place = html`<th scope="row" role="rowheader">${destination}<br><span class="quiet">${location}</span></th>`
  if (newest === null) {
    const why = reachable ? 'never copied' : 'does not answer'
    return html`<tr role="row">${place}<td role="cell" colspan="5"><span class="badge bad">${why}</span></td></tr>`
  }
  const missed = newest.missed === 0 ? '' : html`<br><span class="quiet">${spokenCount(newest.missed)} missed</span>`
  const cells = [
    html`<span><code>${newest.id}</code><br><span class="quiet"><span class="nowrap">${spokenTime(newest.createdAt)}</span>; ${spokenCount(snapshots)} in all</span></span>`,
    spokenDuration(newest.ageMs),
    html`<span>${spokenCount(newest.objects)}${missed}</span>`,
    spokenBytes(newest.plainBytes),
    html`<span>${proof(lastVerification)}</span>`,
  ].map((cell, at) => {
    const title = columns[at + 1]!
    return html`<td role="cell" data-label="${title}" class="${numeric.has(title) ? 'number' : ''}">${cell}</td>`
  })
  return html`<tr role="row">${place}${cells}</tr>`
}

function proof(last: ObjectsDestinationStatus['lastVerification']): Markup {
  if (last === null) return html`<span class="badge attention">not yet</span>`
  const share = last.sample < 1 ? ` of ${Number((last.sample * 100).toPrecision(2))} %` : ''
  return html`<span class="badge ${last.ok ? 'good' : 'bad'}">${last.ok ? 'sound' : 'not sound'}</span> <span class="quiet">${last.level}${share}, <span class="nowrap">${spokenTime(last.at)}</span></span>`
}
