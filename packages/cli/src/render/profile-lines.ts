import type { RestorePlan } from '@lifeboat/core'
import { oneLine } from './one-line.js'
import { qualifiedName } from './part-lines.js'
import { formatCount } from './quantities.js'

/** All that a dry run tells of a profile: what is done first, what is kept, and what is left out and why. */
export function profileLines({ profile, skipped }: RestorePlan): string[] {
  const left = skipped.map(({ entry, reason }) => `  skip  ${oneLine(`${entry}: ${reason}`)}`)
  if (profile === null) return left
  return [
    `profile ${profile.name}: ${formatCount(profile.kept.length)} kept, ${formatCount(skipped.length)} skipped`,
    ...profile.prepare.map(why => `  first ${oneLine(why)}`),
    ...profile.kept.map(entry => `  keep  ${oneLine(`${entry.kind} ${qualifiedName(entry)}`)}`),
    ...left,
  ]
}
