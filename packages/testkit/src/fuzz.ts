import { writeFileSync } from 'node:fs'
import { isBackupError } from '../../core/src/errors/backup-error.js'
import { errorCodes } from '../../core/src/errors/error-code.js'

/** Draws; the same for the same seed. */
export interface Draw {
  /** A whole number from 0 to below the limit. */
  below(limit: number): number
  oneOf<T>(values: readonly T[]): T
}

/** How many mutations a file of tests makes: its share of what `LIFEBOAT_FUZZ_MUTATIONS` asks for in all, 2,000 by default. */
export function shareOf(part: number): number {
  return Math.ceil(Number(process.env.LIFEBOAT_FUZZ_MUTATIONS ?? 2000) * part)
}

const firstSeed = Number(process.env.LIFEBOAT_FUZZ_SEED ?? 1)
/** Bounds of the issue that these tests belong to: no hang past ten seconds, no memory past 500 MB. */
const longestMs = 10_000
const mostBytes = 500 * 2 ** 20

/**
 * Runs a case for each of `count` seeds. A case may succeed, or fail with a documented code; a crash, a hang or a run on
 * memory fails the test, with the seed that repeats it alone.
 */
export async function fuzz(
  count: number,
  run: (draw: Draw) => unknown,
): Promise<{ readonly succeeded: number; readonly failed: ReadonlyMap<string, number> }> {
  let succeeded = 0
  const failed = new Map<string, number>()
  forgetPeak()
  const rssBefore = process.memoryUsage().rss
  const peakBefore = peakBytes()
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const startedMs = performance.now()
    try {
      await inTime(run(drawFrom(seed)))
      succeeded++
    } catch (error) {
      const documented = isBackupError(error) && error.code !== 'unexpected' && errorCodes.includes(error.code)
      if (!documented) throw repeatable(seed, error)
      failed.set(error.code, (failed.get(error.code) ?? 0) + 1)
    }
    const tookMs = performance.now() - startedMs
    if (tookMs > longestMs) throw repeatable(seed, new Error(`it took ${Math.round(tookMs)} ms`))
    // A peak that was there before says nothing about this case.
    const peak = peakBytes()
    if (peak > peakBefore && peak - rssBefore > mostBytes)
      throw repeatable(seed, new Error(`it took memory up to ${Math.round((peak - rssBefore) / 2 ** 20)} MB`))
  }
  return { succeeded, failed }
}

function repeatable(seed: number, cause: unknown): Error {
  const said = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  return new Error(`LIFEBOAT_FUZZ_SEED=${seed} LIFEBOAT_FUZZ_MUTATIONS=1 repeats this: ${said}`, { cause })
}

/** A case that waits for ever would be told by nobody. */
async function inTime(answer: unknown): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it hangs: nothing within ${longestMs} ms`)), longestMs)
  })
  await Promise.race([answer, late]).finally(() => clearTimeout(timer))
}

/** Linux counts a peak anew when it is told to (proc(5), clear_refs): one of another test would hide ours. */
function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
  } catch {
    // Elsewhere a peak of before stays, and only a higher one is seen.
  }
}

function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024
}

function drawFrom(seed: number): Draw {
  let state = (seed * 0x9e3779b1) >>> 0
  const below = (limit: number) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit)
  }
  return { below, oneOf: values => values[below(values.length)]! }
}

/** Numbers that programs stumble over, as bytes of either order. */
const awkward = [
  '00000000',
  'ffffffff',
  '7fffffff',
  'ffffff7f',
  '80000000',
  '00000080',
  '00010000',
  '0000ff00',
  'fffffffe',
]

/** A copy of a file with one to four changes, each somewhere; never equal to the file. */
export function mutateBytes(file: Uint8Array, draw: Draw): Buffer {
  let bytes: Buffer = Buffer.from(file)
  for (let changes = 1 + draw.below(4); changes > 0 || bytes.equals(file); changes--) bytes = mutateOnce(bytes, draw)
  return bytes
}

function mutateOnce(bytes: Buffer, draw: Draw): Buffer {
  // Half of the changes lie in the first hundred bytes, where headers are.
  const length = Math.max(1, bytes.length)
  const at = draw.below(2) === 0 ? draw.below(Math.min(100, length)) : draw.below(length)
  const size = 1 + draw.below(draw.oneOf([4, 64, 4096]))
  const patched = (patch: Buffer) => Buffer.concat([bytes.subarray(0, at), patch, bytes.subarray(at + patch.length)])
  switch (draw.below(8)) {
    case 0:
      return patched(Buffer.from([(bytes[at] ?? 0) ^ (1 << draw.below(8))]))
    case 1:
      return patched(Buffer.from([draw.below(256)]))
    case 2:
      return patched(Buffer.from(draw.oneOf(awkward), 'hex'))
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)])
    case 4:
      return Buffer.concat([bytes.subarray(0, at + size), bytes.subarray(at)])
    case 5:
      return bytes.subarray(0, at)
    case 6: {
      const from = draw.below(length)
      return patched(Buffer.from(bytes.subarray(from, from + size)))
    }
    default: {
      const noise = Buffer.from(Array.from({ length: Math.min(size, 64) }, () => draw.below(256)))
      return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)])
    }
  }
}

const oddValues: readonly unknown[] = [
  ...[
    null,
    true,
    0,
    -1,
    -0,
    0.5,
    1e308,
    2 ** 53,
    '',
    ' ',
    '\0',
    '../..',
    '/etc/passwd',
    '24h',
    '-3d',
    '99999999999999y',
  ],
  ...['\ud800', '\u202e\u0000', 'ü'.repeat(300), 'a'.repeat(5000), [], {}, [[]], [null], { kind: 'passphrase' }],
  ...['__proto__', 'constructor', '1970-01-01T00:00:00Z', '+275760-09-13T00:00:00.001Z', 'lifeboat/2'],
]
const oddNames = [
  '__proto__',
  'constructor',
  'toString',
  '',
  'seal',
  'ü',
  'a b',
  '..',
  'x'.repeat(300),
  'length',
  'then',
]

/** A deep copy of plain values with one to three changes, each at some place in it. Functions and objects of classes stay as they are. */
export function mutateValue<T>(value: T, draw: Draw): unknown {
  let changed: unknown = copy(value)
  for (let changes = 1 + draw.below(3); changes > 0; changes--) changed = changeOnce(changed, draw)
  return changed
}

function changeOnce(value: unknown, draw: Draw): unknown {
  const places: { readonly parent: Record<string, unknown>; readonly name: string }[] = []
  const visit = (at: unknown) => {
    if (!isPlain(at)) return
    for (const name of Object.keys(at)) {
      places.push({ parent: at, name })
      visit(at[name])
    }
  }
  visit(value)
  if (places.length === 0 || draw.below(40) === 0) return copy(draw.oneOf(oddValues))
  const { parent, name } = draw.oneOf(places)
  const set = (key: string, to: unknown) =>
    Object.defineProperty(parent, key, { value: to, enumerable: true, writable: true, configurable: true })
  switch (draw.below(5)) {
    case 0:
      delete parent[name]
      break
    case 1:
      if (Array.isArray(parent)) parent.push(copy(draw.oneOf(oddValues)))
      else set(draw.oneOf(oddNames), copy(draw.oneOf(oddValues)))
      break
    case 2: {
      const other = draw.oneOf(places)
      set(name, copy(other.parent[other.name]))
      break
    }
    default:
      set(name, copy(draw.oneOf(oddValues)))
  }
  return value
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (Array.isArray(value)) return true
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    !Object.isFrozen(value)
  )
}

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy)
  if (!isPlain(value)) return value
  const copied = {}
  for (const [name, member] of Object.entries(value))
    Object.defineProperty(copied, name, { value: copy(member), enumerable: true, writable: true, configurable: true })
  return copied
}
