import type { LeakLine } from './leak-record.js'

export interface Leak {
  readonly from: string
  /** The output around the place, with the secret taken out. */
  readonly around: string
}

/** Every output that holds a secret, in any of the spellings in which one usually gets out. */
export function findLeaks(lines: readonly LeakLine[]): Leak[] {
  const spellings = [...new Set(lines.flatMap(line => (line.kind === 'secret' ? spellingsOf(line.text) : [])))]
  const leaks: Leak[] = []
  for (const line of lines) {
    if (line.kind === 'secret' || line.kind === 'mode') continue
    for (const spelling of spellings) {
      const at = line.text.indexOf(spelling)
      if (at === -1) continue
      const before = line.text.slice(Math.max(0, at - 80), at)
      const after = line.text.slice(at + spelling.length, at + spelling.length + 80)
      leaks.push({ from: `${line.kind} of ${line.from}`, around: `${before}<secret>${after}` })
    }
  }
  return leaks
}

function spellingsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const inJson = JSON.stringify(secret).slice(1, -1)
  const spellings = [
    secret,
    inJson,
    JSON.stringify(inJson).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString('hex'),
  ]
  // The end of a base64 text depends on what follows it.
  const inBase64 = bytes.toString('base64').slice(0, Math.floor(bytes.length / 3) * 4)
  return inBase64.length >= 8 ? [...spellings, inBase64] : spellings
}
