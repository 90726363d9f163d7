import type { ContentsEntry, RestorePlan } from '@lifeboat/core'
import { oneLine } from './one-line.js'
import { qualifiedName } from './part-lines.js'
import { formatCount } from './quantities.js'

/** An entry's name; one about another object has that object's kind and name for its own. */
function describe(entry: ContentsEntry): string {
  if (!/^(ACL|COMMENT|SECURITY LABEL|DEFAULT ACL)$/.test(entry.kind)) return `${entry.kind} ${qualifiedName(entry)}`
  return `${entry.kind} on ${entry.name}${entry.schema === null ? '' : ` in ${entry.schema}`}`
}

/** All that a dry run tells of a profile: what is done first, what is kept, and what is left out and why. */
export function profileLines({ profile, skipped }: RestorePlan): string[] {
  const left = skipped.map(({ entry, reason }) => `  skip  ${oneLine(`${entry}: ${reason}`)}`)
  if (profile === null) return left
  return [
    `profile ${profile.name}: ${formatCount(profile.kept.length)} kept, ${formatCount(skipped.length)} skipped`,
    ...profile.prepare.map(why => `  first ${oneLine(why)}`),
    ...profile.kept.map(entry => `  keep  ${oneLine(describe(entry))}`),
    ...left,
  ]
}
