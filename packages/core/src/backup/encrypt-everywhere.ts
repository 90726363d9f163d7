import { encrypt, type Lock } from '../encryption/open-pgp.js'
import type { ByteSource } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import { fanOut } from './fan-out.js'
import type { Destination, OwnKeys } from './store-everywhere.js'

/** The destinations that get the same encrypted bytes. */
interface Circle {
  readonly lock: Lock
  readonly members: readonly Destination[]
  readonly digest: PassingDigest
}

/** What was sent to the destinations of one circle; whole once its source has ended. */
export interface SentForm {
  readonly lock: Lock
  readonly digest: PassingDigest
}

/**
 * Encrypts one source once for each circle of readers and hands it to every destination, at the pace of the slowest.
 * @returns an outcome per destination, in order. Rejects only with the source's own error.
 */
export async function encryptEverywhere<T>(
  source: ByteSource,
  work: {
    readonly lock: Lock
    readonly destinations: readonly Destination[]
    readonly put: (destination: Destination, bytes: ByteSource) => Promise<T>
    readonly stopSource: () => void
  },
): Promise<{ readonly outcomes: PromiseSettledResult<T>[]; readonly sent: ReadonlyMap<string, SentForm> }> {
  const circles = circlesOf(work.destinations, work.lock)
  const reading = new Set(circles)
  const found = new Map<string, PromiseSettledResult<T>>()
  const serve = async (circle: Circle, plain: ByteSource) => {
    const { lock, members, digest } = circle
    // A dump that waits for its database gives no bytes, so nobody would notice that all readers are gone.
    const stop = () => {
      reading.delete(circle)
      if (reading.size === 0) work.stopSource()
    }
    const sinks = members.map(one => (bytes: ByteSource) => work.put(one, bytes))
    const outcomes = await fanOut(digest.through(encrypt(plain, lock)), sinks, stop)
    for (const [index, outcome] of outcomes.entries()) found.set(members[index]!.name, outcome)
  }
  if (circles.length === 1) await serve(circles[0]!, source)
  else await serveAll(circles, source, serve, { found, givenUp: () => reading.size === 0 })
  const sent = new Map(circles.flatMap(circle => circle.members.map(one => [one.name, circle] as const)))
  return { outcomes: work.destinations.map(({ name }) => found.get(name)!), sent }
}

async function serveAll<T>(
  circles: readonly Circle[],
  source: ByteSource,
  serve: (circle: Circle, plain: ByteSource) => Promise<void>,
  { found, givenUp }: { readonly found: Map<string, PromiseSettledResult<T>>; readonly givenUp: () => boolean },
): Promise<void> {
  let stopped = false
  const watched = (async function* () {
    try {
      yield* source
    } catch (error) {
      stopped = givenUp()
      throw error
    }
  })()
  const served = await fanOut(
    watched,
    circles.map(circle => (plain: ByteSource) => serve(circle, plain)),
  ).catch((error: unknown) => {
    if (!stopped) throw error
    // With nobody left to read, the source was stopped; why the destinations failed is what counts.
    return []
  })
  // The source is whole here: what failed is the encryption to one circle, such as a key that nobody can encrypt to.
  for (const [index, outcome] of served.entries())
    if (outcome.status === 'rejected') for (const { name } of circles[index]!.members) found.set(name, outcome)
}

function circlesOf(destinations: readonly Destination[], lock: Lock): Circle[] {
  const members = new Map<OwnKeys | undefined, Destination[]>()
  for (const one of destinations) members.set(one.own, [...(members.get(one.own) ?? []), one])
  return [...members].map(([own, list]) => ({ lock: own?.lock ?? lock, members: list, digest: new PassingDigest() }))
}
