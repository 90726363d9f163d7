import parseBytes from 'bytes'
import ms, { type StringValue } from 'ms'

/**
 * A duration as people write it (`'24h'`, `'30d'`) in milliseconds, or undefined when it is none. Lower case only:
 * whoever writes `6M` means months, and would get minutes.
 */
export function parseDurationMs(text: string): number | undefined {
  if (!/^\d+(\.\d+)?\s*[a-z]+$/.test(text)) return undefined
  const value = ms(text as StringValue)
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** A duration in milliseconds as people write it (`'30d'`, `'90m'`), in the largest unit that says it exactly. */
export function formatDuration(durationMs: number): string {
  const unit = durationUnits.find(([, unitMs]) => durationMs % unitMs === 0)
  return unit ? `${durationMs / unit[1]}${unit[0]}` : `${durationMs}ms`
}

/** A size as people write it (`'10MB'`, binary multiples) in bytes, or undefined when it is none. */
export function parseSizeBytes(text: string): number | undefined {
  if (!/^\d+(\.\d+)?\s*(b|kb|mb|gb|tb|pb)$/i.test(text)) return undefined
  const value = parseBytes(text)
  return value !== null && Number.isSafeInteger(value) ? value : undefined
}

const durationUnits = [
  ['d', 24 * 60 * 60 * 1000],
  ['h', 60 * 60 * 1000],
  ['m', 60 * 1000],
  ['s', 1000],
] as const
