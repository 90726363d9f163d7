import { InvalidArgumentError } from 'commander'

/** `20s`, `5m`, `1h` in milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,6})(s|m|h)$/.exec(text)
  if (match) return Number(match[1]) * { s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as 's' | 'm' | 'h']
  throw new InvalidArgumentError('Write a duration such as 20s, 5m or 1h.')
}
