import { spokenEstimate } from '../drill/judge-drills.js'
import {
  byteUnit,
  countUnit,
  durationUnit,
  type Moment,
  objectiveChart,
  timelineChart,
  trendChart,
  type Unit,
} from './charts.js'
import { html, type Markup } from './html.js'
import { objectSection } from './object-section.js'
import { spokenBytes, spokenCount, spokenDuration, spokenTime } from './quantities.js'
import type {
  DestinationState,
  ObjectiveState,
  ProductReport,
  ReportedDrill,
  ReportModel,
  TrendPoint,
  Verdict,
} from './report-model.js'

const verdictWords: Readonly<Record<Verdict, string>> = {
  good: 'recoverable',
  attention: 'needs attention',
  bad: 'act now',
}

/** A verdict as a coloured word. */
export function badge(verdict: Verdict): Markup {
  return html`<span class="badge ${verdict}">${verdictWords[verdict]}</span>`
}

/** Everything about one product. */
export function productSection(product: ProductReport, report: ReportModel, anchor: string): Markup {
  const { name, headline, findings, notIncluded, destinations } = product
  return html`<section class="product" id="${anchor}" aria-labelledby="${anchor}-title">
<div class="top"><h2 id="${anchor}-title">${name}</h2>${badge(product.verdict)}</div>
<p class="say">${headline}</p>
<div class="tiles">${tiles(product)}</div>
<h3>Findings</h3>
${findings.length === 0 ? html`<p class="quiet">Nothing stands against its backups.</p>` : html`<ul class="findings">${findings.map(findingItem)}</ul>`}
<h3>Newest backup in each destination</h3>
${destinationTable(destinations, name)}
${objectSection(product.objects, name)}
<h3>The last 90 days</h3>
${trendCharts(product, report)}
<h3>Restore drills</h3>
${drillBlock(product, report)}
<h3>Not in these backups</h3>
<ul class="plain">${notIncluded.map(one => html`<li>${one.what} <span class="quiet">(${one.why})</span></li>`)}</ul>
</section>`
}

function tiles({ rpo, rto, destinations }: ProductReport): Markup[] {
  const proofs = destinations.filter(one => one.proof?.ok === true)
  const newest = proofs
    .map(one => one.proof!.at)
    .sort()
    .at(-1)
  return [
    objectiveTile(
      'Could be lost now',
      rpo,
      'RPO',
      'no backup',
      rpo.longestGapMs === null ? null : `longest gap in 90 days: ${spokenDuration(rpo.longestGapMs)}`,
    ),
    objectiveTile(
      'A recovery takes',
      rto,
      'RTO',
      'never rehearsed',
      rto.recoveryMs === null ? null : `the database was usable after ${spokenDuration(rto.recoveryMs)}`,
      rto.estimate === null ? null : `at today's size about ${spokenEstimate(rto.estimate)}`,
    ),
    html`<div class="tile"><h3>Newest backup read back</h3><div class="value">${proofs.length} of ${destinations.length}</div>
<p class="quiet">destinations where its content was proven${newest === undefined ? '' : html`, last ${spokenTime(newest)}`}</p></div>`,
  ]
}

function objectiveTile(
  title: string,
  state: ObjectiveState,
  short: string,
  unknown: string,
  ...more: readonly (string | null)[]
): Markup {
  const measured = state.measuredMs === null ? unknown : spokenDuration(state.measuredMs)
  const objective =
    state.objectiveMs === null ? `no ${short} configured` : `${short} ${spokenDuration(state.objectiveMs)}`
  const word = { met: 'met', missed: 'missed', unknown: 'not proven', none: '' }[state.state]
  const tone = { met: 'good', missed: 'bad', unknown: 'attention', none: '' }[state.state]
  return html`<div class="tile"><h3>${title}</h3><div class="value">${measured}</div>
${objectiveChart(state, `${measured} against ${objective}`)}
<p class="quiet">${objective}${word === '' ? '' : html`: <b class="${tone}">${word}</b>`}${more.map(line => line !== null && html`<br>${line}`)}</p></div>`
}

function findingItem(finding: ProductReport['findings'][number]): Markup {
  return html`<li class="${finding.severity}"><b class="${finding.severity}">${finding.severity}</b> ${finding.message}
${finding.hint === null ? '' : html`<br><span class="quiet">What to do: ${finding.hint}</span>`}
<br><span class="quiet"><code>${finding.code}</code> ${finding.source}, ${spokenTime(finding.at)}</span></li>`
}

const destinationColumns = ['Destination', 'Newest backup', 'Age', 'Size', 'Rows', 'Read back', 'Sealed'] as const
const numeric: ReadonlySet<string> = new Set(['Age', 'Size', 'Rows'])

/** On a phone its rows become cards; the roles keep it a table for whoever does not see it. */
function destinationTable(destinations: readonly DestinationState[], product: string): Markup {
  const head = destinationColumns.map(
    title => html`<th scope="col" role="columnheader" class="${numeric.has(title) ? 'number' : ''}">${title}</th>`,
  )
  return html`<div class="scroll stack" role="region" aria-label="Destinations of ${product}" tabindex="0"><table role="table">
<thead role="rowgroup"><tr role="row">${head}</tr></thead>
<tbody role="rowgroup">${destinations.map(destinationRow)}</tbody></table></div>`
}

function destinationRow({ name, location, backups, newest, proof }: DestinationState): Markup {
  const place = html`<th scope="row" role="rowheader">${name}<br><span class="quiet">${location}</span></th>`
  if (newest === null)
    return html`<tr role="row">${place}<td role="cell" colspan="6"><span class="badge bad">no backup</span></td></tr>`
  const read =
    proof === null
      ? html`<span class="badge attention">not yet</span>`
      : html`<span class="badge ${proof.ok ? 'good' : 'bad'}">${proof.ok ? 'sound' : 'not sound'}</span> <span class="quiet">${proof.level}, <span class="nowrap">${spokenTime(proof.at)}</span></span>`
  const cells = [
    html`<span><code>${newest.id}</code><br><span class="quiet"><span class="nowrap">${spokenTime(newest.createdAt)}</span>; ${spokenCount(backups)} in all</span></span>`,
    spokenDuration(newest.ageMs),
    spokenBytes(newest.storedBytes),
    newest.rows === null ? 'unknown' : spokenCount(newest.rows),
    html`<span>${read}</span>`,
    newest.sealed ? 'yes' : 'no',
  ].map((cell, at) => {
    const title = destinationColumns[at + 1]!
    return html`<td role="cell" data-label="${title}" class="${numeric.has(title) ? 'number' : ''}">${cell}</td>`
  })
  return html`<tr role="row">${place}${cells}</tr>`
}

function trendCharts({ trend, name }: ProductReport, report: ReportModel): Markup {
  if (trend.length === 0) return html`<p class="quiet">No backup of the last 90 days is left.</p>`
  const figure = (
    title: string,
    value: (point: TrendPoint) => number | null,
    spoken: (value: number) => string,
    unitOf: (most: number) => Unit,
  ) => {
    const moments = trend.flatMap(point => {
      const measured = value(point)
      return measured === null ? [] : [{ at: point.at, value: measured, bad: point.proven === false }]
    })
    return trendFigure(title, moments, { spoken, unitOf, report })
  }
  return html`<div class="charts">${figure('Size', point => point.storedBytes, spokenBytes, byteUnit)}${figure(
    'Rows',
    point => point.rows,
    spokenCount,
    () => countUnit,
  )}${figure('Time of a backup', point => point.durationMs, spokenDuration, durationUnit)}</div>
${trend.some(point => point.proven === false) ? html`<p class="quiet"><b class="bad" aria-hidden="true">×</b> a backup that was found not sound</p>` : ''}
<details><summary>The numbers of ${spokenCount(trend.length)} ${trend.length === 1 ? 'backup' : 'backups'}</summary><div class="scroll" role="region" aria-label="Backups of ${name}" tabindex="0"><table>
<thead><tr><th scope="col">Backup</th><th scope="col" class="number">Size</th><th scope="col" class="number">Rows</th><th scope="col" class="number">Time</th><th scope="col">Read back</th></tr></thead>
<tbody>${[...trend].reverse().map(trendRow)}</tbody></table></div></details>`
}

function trendFigure(
  title: string,
  moments: readonly Moment[],
  {
    spoken,
    unitOf,
    report,
    limit = null,
  }: {
    readonly spoken: (value: number) => string
    readonly unitOf: (most: number) => Unit
    readonly report: ReportModel
    readonly limit?: number | null
  },
): Markup {
  const last = moments.at(-1)
  if (last === undefined) return html`<figure><figcaption><span>${title}</span><b>unknown</b></figcaption></figure>`
  const values = moments.map(moment => moment.value)
  const label = `${title}: ${spoken(last.value)} at last; between ${spoken(Math.min(...values))} and ${spoken(Math.max(...values))} in ${moments.length} points`
  // An objective far above everything measured would press it flat; the tile above says it all the same.
  const near = limit !== null && limit <= 4 * Math.max(...values) ? limit : null
  const unit = unitOf(Math.max(...values, near ?? 0))
  return html`<figure><figcaption><span>${title}</span><b>${spoken(last.value)}</b></figcaption>${trendChart(moments, { since: beginOf(moments, report), until: report.generatedAt, unit, label, limit: near })}</figure>`
}

/** A young product's few days are not pressed against the edge of 90. */
function beginOf(moments: readonly Moment[], { since, generatedAt }: ReportModel): string {
  const [oldest, end] = [Date.parse(moments[0]!.at), Date.parse(generatedAt)]
  const begin = oldest - Math.max(0.08 * (end - oldest), 3_600_000)
  return begin < Date.parse(since) ? since : new Date(begin).toISOString()
}

function trendRow({ id, at, storedBytes, rows, durationMs, proven }: TrendPoint): Markup {
  const read = proven === null ? 'no' : proven ? 'sound' : html`<b class="bad">not sound</b>`
  return html`<tr><th scope="row"><code>${id}</code> <span class="quiet">${spokenTime(at)}</span></th><td class="number">${spokenBytes(storedBytes)}</td><td class="number">${rows === null ? 'unknown' : spokenCount(rows)}</td><td class="number">${spokenDuration(durationMs)}</td><td>${read}</td></tr>`
}

function drillBlock({ drills, drillTrend, rto, name }: ProductReport, report: ReportModel): Markup {
  const [newest] = drills
  if (newest === undefined)
    return html`<p class="quiet">No restore was ever rehearsed. <code>lifeboat drill ${name}</code> does it.</p>`
  const moments = drillTrend.map(({ at, totalMs, ok }) => ({ at, value: totalMs, bad: !ok }))
  return html`<div class="drills"><div>${drillFigure(newest)}</div>
${trendFigure('Time of a drill', moments, { spoken: spokenDuration, unitOf: durationUnit, report, limit: rto.objectiveMs })}</div>
${drills.length > 1 ? html`<details><summary>Earlier drills</summary>${drills.slice(1).map(drillFigure)}</details>` : ''}`
}

function drillFigure(drill: ReportedDrill): Markup {
  const { id, destination, startedAt, ok, totalMs, steps, proof } = drill
  const label = `Steps of the drill: ${steps.map(({ step, durationMs }) => `${step} ${spokenDuration(durationMs)}`).join(', ')}`
  return html`<figure><figcaption><span>${spokenTime(startedAt)}, <code>${id}</code> from ${destination}</span><b>${spokenDuration(totalMs)}</b></figcaption>
<p class="quiet"><b class="${ok ? 'good' : 'bad'}">${ok ? 'Succeeded' : 'Failed'}.</b> ${proof ?? 'It did not come to the comparison.'}</p>
<div class="wide">${timelineChart(drill, 720, label)}</div><div class="narrow">${timelineChart(drill, 340, label)}</div></figure>`
}
