const mebibyte = 1024 * 1024
const gibibyte = 1024 * mebibyte

/** The size of a part unless the object is so large that its parts would run out. */
export const usualPartBytes = 8 * mebibyte

/**
 * No part is larger. S3 would take 5 GiB, but a part is held in memory until it is stored.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
 */
export const largestPartBytes = gibibyte

/** Parts in flight hold at most about this much memory, whatever their size; one part is always in flight. */
const inFlightBytes = 256 * mebibyte

/** What decides the size of the parts of one upload. */
export interface PartPlan {
  /** How many parts the service takes: 10,000 at most services, 1,000 at some. */
  readonly maxParts: number
  /** All parts but the last must have one size (Cloudflare R2). */
  readonly equalParts: boolean
  /** How many bytes will come, roughly, where that is known. */
  readonly expectedBytes: number | undefined
}

/**
 * The size of part `partNumber` (from 1).
 *
 * Where sizes may differ, parts keep the first size until the expected bytes are in (at least a quarter of the parts),
 * then double every 64th of `maxParts` until they have {@link largestPartBytes}. So an upload of unknown or misjudged
 * size fits: 5 TiB into 10,000 parts. Where all must be equal, the first size leaves room for four times what is
 * expected, or for 640 GiB in 10,000 parts when nothing is.
 */
export function partBytes(plan: PartPlan, partNumber: number): number {
  const { maxParts, equalParts, expectedBytes } = plan
  if (equalParts) {
    if (expectedBytes === undefined) return 64 * mebibyte
    return between(2 * usualPartBytes, (4 * expectedBytes) / maxParts)
  }
  const expected = expectedBytes ?? 0
  const first = between(usualPartBytes, (3 * expected) / maxParts)
  const steadyParts = Math.max(maxParts / 4, (1.1 * expected) / first)
  const doublings = Math.max(0, Math.ceil((partNumber - steadyParts) / (maxParts / 64)))
  return Math.min(first * 2 ** Math.min(doublings, 10), largestPartBytes)
}

/** How many parts of this size may be on their way at once. */
export function partsAtOnce(partsInFlight: number, sizeBytes: number): number {
  return Math.max(1, Math.min(partsInFlight, Math.floor(inFlightBytes / sizeBytes)))
}

/** `bytes`, rounded up to whole mebibytes, but at least `smallest` and at most the largest part. */
function between(smallest: number, bytes: number): number {
  return Math.min(Math.max(smallest, Math.ceil(bytes / mebibyte) * mebibyte), largestPartBytes)
}
