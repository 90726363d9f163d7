/** `under 0.1 s`, `40 s`, `12 min`, `3 h 20 min`, `5 d`: what people say, in at most two units. */
export function spokenDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 0.05) return 'under 0.1 s'
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`
  if (seconds < 99.5) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours >= 48) return `${Math.round(hours / 24)} d`
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
}

/** `1.4 GB`, in binary multiples as everywhere in Lifeboat. */
export function spokenBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)} ${units[power]}`
}

/** `1,234,567` */
export function spokenCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** `2026-11-21 02:00 UTC` */
export function spokenTime(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`
}
