import { type LossAnswer, type LossName, lossNames, type Timeline, type TimelineInput, type Way } from './timeline.js'
import { sourcesOf, type TimelineSource } from './timeline-sources.js'

const hour = 3_600_000
const weekMs = 7 * 24 * hour

const titles: Readonly<Record<LossName, string>> = {
  'bad-migration': 'a bad migration an hour ago',
  'table-dropped': 'a table dropped just now',
  'database-gone': 'the database deleted',
  'account-gone': 'the project or the account gone',
  'key-lost': 'the encryption key lost',
  'region-down': "the database's region down",
}

/** How long ago each loss is supposed to have happened. */
const agoMs: Readonly<Partial<Record<LossName, number>>> = { 'bad-migration': hour }

/** Says for each kind of loss what could be recovered now, from where, how old it would be, and how. Pure. */
export function planTimeline(input: TimelineInput): Timeline {
  const sources = sourcesOf(input)
  return {
    product: input.product,
    at: input.now.toISOString(),
    rpoMs: input.rpoMs,
    rtoMs: input.rtoMs,
    losses: lossNames.map(loss => answer(loss, sources, input)),
    unanswered: [
      ...(input.provider?.failures.map(message => ({ place: input.provider!.location, message })) ?? []),
      ...input.destinations
        .filter(one => one.failure !== null)
        .map(({ name, failure }) => ({ place: name, message: failure! })),
    ],
  }
}

function answer(loss: LossName, sources: readonly TimelineSource[], input: TimelineInput): LossAnswer {
  const atMs = input.now.getTime() - (agoMs[loss] ?? 0)
  const ways: Way[] = []
  const lost: LossAnswer['lost'][number][] = []
  for (const source of sources) {
    const why = source.lostIn(loss)
    const way = why === undefined ? wayOut(source, loss, atMs) : undefined
    if (why !== undefined) lost.push({ place: `${source.kind} at ${source.place}`, why })
    else if (way !== undefined) ways.push(way)
    else lost.push({ place: `${source.kind} at ${source.place}`, why: 'it has nothing from before the loss' })
  }
  ways.sort((a, b) => a.dataAgeMs - b.dataAgeMs || (a.expectedMs ?? Infinity) - (b.expectedMs ?? Infinity))
  const [best] = ways
  const worstDataAgeMs = best === undefined ? null : Math.min(...ways.map(one => one.worstDataAgeMs))
  const expectedMs = best?.expectedMs ?? null
  return {
    loss,
    title: titles[loss],
    at: new Date(atMs).toISOString(),
    ways,
    lost,
    dataAgeMs: best?.dataAgeMs ?? null,
    worstDataAgeMs,
    expectedMs,
    meetsRpo: input.rpoMs === null ? null : best !== undefined && best.dataAgeMs <= input.rpoMs,
    meetsRto: input.rtoMs === null || expectedMs === null ? null : expectedMs <= input.rtoMs,
  }
}

/** The newest instant of a source before the loss; undefined where it has none. */
function wayOut(source: TimelineSource, loss: LossName, atMs: number): Way | undefined {
  const shared = {
    source: source.kind,
    place: source.place,
    expectedMs: source.expectedMs,
    expectedFrom: source.expectedFrom,
    credential: source.credential,
  }
  const notes = [...source.notes, ...source.notesFor(loss)]
  if (source.range !== null) {
    const { fromMs, toMs } = source.range
    if (fromMs > atMs) return undefined
    // A second before the loss: the loss itself is in the instant at which it happened.
    const instantMs = Math.min(toMs, atMs - 1000)
    const instant = iso(instantMs)
    return {
      ...shared,
      instants: { from: iso(fromMs), to: instant, count: 'any' },
      ...{ instant, dataAgeMs: atMs - instantMs, worstDataAgeMs: atMs - instantMs },
      ...{ proof: 'provider', command: source.command(instant, undefined, loss), notes },
    }
  }
  const before = source.points.filter(one => one.ms <= atMs)
  const newest = before.at(-1)
  if (newest === undefined) return undefined
  const proven = before.findLast(one => one.proof !== 'none')
  if (newest.proof === 'none')
    notes.push(
      proven === undefined
        ? 'none of them was ever verified'
        : `it is not verified yet; the newest that is, is ${proven.id} of ${iso(proven.ms)}`,
    )
  return {
    ...shared,
    instants: { from: iso(before[0]!.ms), to: iso(newest.ms), count: before.length },
    instant: iso(newest.ms),
    dataAgeMs: atMs - newest.ms,
    worstDataAgeMs: longestGap(
      before.map(one => one.ms),
      atMs,
    ),
    proof: newest.proof,
    command: source.command(iso(newest.ms), newest.id, loss),
    notes,
  }
}

/** The longest time without a newer instant in the week before the loss. */
function longestGap(rising: readonly number[], atMs: number): number {
  const fromMs = atMs - weekMs
  const before = rising.findLast(one => one <= fromMs)
  // What lies further back is not judged: the first backup of a new product is no gap.
  const moments = [...(before === undefined ? [] : [before]), ...rising.filter(one => one > fromMs), atMs]
  let longest = 0
  for (let i = 1; i < moments.length; i++) longest = Math.max(longest, moments[i]! - moments[i - 1]!)
  return longest
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
