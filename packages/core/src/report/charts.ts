import { areaY, barX, dot, lineY, plot, ruleX, ruleY, text, tickX } from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { html, legible, type Markup, trusted } from './html.js'
import { spokenDuration } from './quantities.js'
import type { ObjectiveState, ReportedDrill } from './report-model.js'

/** Colours are the page's own, so that a chart follows light and dark. */
const colours = { accent: 'var(--accent)', bad: 'var(--bad)', good: 'var(--good)', muted: 'var(--muted)' }

export interface Moment {
  readonly at: string
  readonly value: number
  readonly bad: boolean
}

/** One measure over time. */
export function trendChart(
  moments: readonly Moment[],
  options: {
    readonly since: string
    readonly until: string
    readonly unit: Unit
    readonly label: string
    /** A line that the measure should stay under. */
    readonly limit?: number | null
  },
): Markup {
  const { since, until, unit, label, limit } = options
  const points = moments.map(({ at, value, bad }) => ({ at: new Date(at), value: value / unit.size, bad }))
  return draw(label, {
    ...{ width: 360, height: 186, marginLeft: 44, marginRight: 14, marginTop: 26, marginBottom: 34 },
    x: { type: 'utc', domain: [new Date(since), new Date(until)], label: null, ticks: 4, tickFormat: momentName },
    y: { grid: true, zero: true, nice: true, ticks: 4, label: unit.name, tickFormat: unit.format },
    marks: [
      points.length > 1 ? areaY(points, { x: 'at', y: 'value', fill: colours.accent, fillOpacity: 0.12 }) : null,
      points.length > 1 ? lineY(points, { x: 'at', y: 'value', stroke: colours.accent, strokeWidth: 1.8 }) : null,
      // Many backups are a line; few are to be seen one by one.
      dot(points.length > 40 ? points.slice(-1) : points, { x: 'at', y: 'value', fill: colours.accent, r: 2.2 }),
      dot(
        points.filter(point => point.bad),
        { x: 'at', y: 'value', fill: colours.bad, r: 4, symbol: 'times', stroke: colours.bad, strokeWidth: 2 },
      ),
      limit ? ruleY([limit / unit.size], { stroke: colours.bad, strokeDasharray: '4 3' }) : null,
      ruleY([0], { stroke: colours.muted }),
    ],
  })
}

/** The steps of a drill, each a bar from when it began to when it ended. */
export function timelineChart(drill: ReportedDrill, width: number, label: string): Markup {
  const steps = drill.steps.map((step, at) => ({
    ...{ at, from: step.startedAfterMs, to: step.startedAfterMs + step.durationMs },
    name: `${legible(step.step)}  ${spokenDuration(step.durationMs)}`,
  }))
  const longest = Math.max(drill.totalMs, ...steps.map(step => step.to), 1)
  const { rtoMs } = drill
  const showsLimit = rtoMs !== null && rtoMs < longest * 1.6
  const end = showsLimit ? Math.max(longest, rtoMs * 1.02) : longest
  const rowHeight = 34
  const margins = { marginLeft: 14, marginRight: 24 }
  const fontSize = width < 400 ? 10 : 11
  const pixelsOf = (ms: number) => (ms / end) * (width - margins.marginLeft - margins.marginRight)
  const room = pixelsOf(end) + margins.marginRight
  // About as wide as a character of the page's font; a name that is cut off would say nothing.
  const widthOf = (name: string) => name.length * fontSize * 0.56
  // A name stands where its bar begins, or, late in the drill, where it ends; with room for neither, at the edge.
  const placed = steps.map(step => {
    const begins = pixelsOf(step.from) + widthOf(step.name) <= room
    const ends = pixelsOf(step.to) + margins.marginLeft >= widthOf(step.name)
    const late = step.from >= end * 0.6
    return { ...step, place: begins && !(late && ends) ? 'begin' : ends ? 'end' : 'edge' }
  })
  const namesAt = (place: string) => placed.filter(step => step.place === place)
  const names = { y: 'at', text: 'name', dy: -12, fill: 'currentColor', fontSize } as const
  return draw(label, {
    ...{ width, height: steps.length * rowHeight + 40 },
    ...{ ...margins, marginTop: showsLimit ? 26 : 6, marginBottom: 28 },
    x: {
      domain: [0, end],
      label: null,
      ticks: niceTicks(end, width / 90),
      tickFormat: (ms: number) => (ms === 0 ? '0' : spokenDuration(ms)),
      grid: true,
    },
    y: { axis: null, type: 'band', domain: steps.map(step => step.at), padding: 0.72, align: 1 },
    marks: [
      barX(steps, { x1: 'from', x2: 'to', y: 'at', fill: colours.accent, rx: 2, insetTop: 1 }),
      // A step of no length to speak of is still a step.
      tickX(steps, { x: 'from', y: 'at', stroke: colours.accent, strokeWidth: 2, insetTop: 1 }),
      text(namesAt('begin'), { ...names, x: 'from', textAnchor: 'start' }),
      text(namesAt('end'), { ...names, x: 'to', textAnchor: 'end' }),
      text(namesAt('edge'), { ...names, x: 0, dx: -margins.marginLeft, textAnchor: 'start' }),
      showsLimit ? ruleX([rtoMs], { stroke: colours.bad, strokeDasharray: '4 3' }) : null,
      showsLimit
        ? text([{ x: rtoMs }], {
            ...{ x: 'x', frameAnchor: 'top', dy: -14, text: () => `RTO ${spokenDuration(rtoMs)}`, textAnchor: 'end' },
            fill: colours.bad,
          })
        : null,
    ],
  })
}

/** What was measured, as a bar, against the objective, as a line. */
export function objectiveChart(state: ObjectiveState, label: string): Markup | undefined {
  const { measuredMs, objectiveMs } = state
  if (measuredMs === null || objectiveMs === null) return undefined
  const end = Math.max(measuredMs, objectiveMs) * 1.12
  return draw(label, {
    ...{ width: 320, height: 30, marginLeft: 1, marginRight: 1, marginTop: 4, marginBottom: 4 },
    x: { domain: [0, end], axis: null },
    marks: [
      barX([end], { x: d => d as number, fill: 'currentColor', fillOpacity: 0.08, rx: 3, insetTop: 5, insetBottom: 5 }),
      barX([measuredMs], {
        ...{ x: d => d as number, rx: 3, insetTop: 5, insetBottom: 5 },
        fill: state.state === 'missed' ? colours.bad : colours.good,
      }),
      ruleX([objectiveMs], { stroke: 'currentColor', strokeWidth: 2 }),
    ],
  })
}

/** How a measure is written on an axis. */
export interface Unit {
  readonly name: string
  readonly size: number
  readonly format?: string | undefined
}

export function byteUnit(most: number): Unit {
  const names = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  const power = most < 1 ? 0 : Math.min(names.length - 1, Math.floor(Math.log2(most) / 10))
  return { name: names[power]!, size: 1024 ** power }
}

export function durationUnit(most: number): Unit {
  if (most < 120_000) return { name: 'seconds', size: 1000 }
  return most < 2 * 3_600_000 ? { name: 'minutes', size: 60_000 } : { name: 'hours', size: 3_600_000 }
}

export const countUnit: Unit = { name: 'rows', size: 1, format: '~s' }

type PlotOptions = NonNullable<Parameters<typeof plot>[0]>

/** A picture with one name, which is ours to escape: within it there is nothing to walk into. */
function draw(label: string, options: PlotOptions): Markup {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const figure = plot({ ...options, document: document as unknown as Document, style: { fontSize: '12px' } })
  figure.setAttribute('aria-hidden', 'true')
  figure.querySelectorAll('[aria-label]').forEach(part => void part.removeAttribute('aria-label'))
  return html`<div role="img" aria-label="${label}">${trusted(figure.outerHTML)}</div>`
}

const dayOfMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })

/** A moment on an axis, in UTC as everything of ours: midnight by its day. */
function momentName(at: Date): string {
  const minutes = at.getUTCHours() * 60 + at.getUTCMinutes()
  return minutes === 0 ? dayOfMonth.format(at) : at.toISOString().slice(11, 16)
}

/** Moments that people count by, at most `most` of them. */
function niceTicks(endMs: number, most: number): number[] {
  const seconds = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]
  const step = (seconds.find(one => endMs / (one * 1000) <= most) ?? Math.ceil(endMs / 3.6e6 / most) * 3600) * 1000
  return Array.from({ length: Math.floor(endMs / step) + 1 }, (_, at) => at * step)
}
