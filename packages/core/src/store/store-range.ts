import { BackupError } from '../errors/backup-error.js'
import type { GetOptions } from './object-store.js'

/**
 * The bytes `[start, end)` that a range asks of an object, clipped to its end.
 * @throws BackupError `object-damaged` when the range starts past the end: the object is shorter than its reader knows
 */
export function resolveRange(
  key: string,
  sizeBytes: number,
  range: GetOptions['range'],
): { readonly start: number; readonly end: number } {
  if (range === undefined) return { start: 0, end: sizeBytes }
  if (range.start >= sizeBytes) {
    throw new BackupError('object-damaged', `${key} has ${sizeBytes} bytes and was read from byte ${range.start}`)
  }
  const end = range.end === undefined ? sizeBytes : Math.min(range.end + 1, sizeBytes)
  return { start: range.start, end }
}
