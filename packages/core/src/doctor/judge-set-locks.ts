import type { DestinationConfig } from '../config/config-schema.js'
import type { ObjectSetConfig } from '../config/objects-schema.js'
import type { StorePosture } from '../store/store-posture.js'
import { daysKept, type PostureLine, plural, said } from './judge-posture.js'

/**
 * Whether copies of sets of objects are locked for as long as each set's own retention keeps them. Pure. That the place
 * locks nothing although the destination says so is judged with its backups already.
 */
export function judgeSetLocks(
  sets: Readonly<Record<string, Pick<ObjectSetConfig, 'objectLock' | 'retention'>>>,
  destination: Pick<DestinationConfig, 'objectLock'>,
  { objectLock: place }: Pick<StorePosture, 'objectLock'>,
): PostureLine[] {
  return Object.entries(sets).flatMap(([name, set]) => {
    const rule = set.objectLock ?? destination.objectLock
    if (rule === undefined) return byDefaultOnly(name, place?.byDefault?.days)
    if (place !== null && !place.enabled) {
      if (set.objectLock === undefined) return []
      const hint = 'turn it on in the bucket (most services: only when it is made), or take objectLock out'
      return [{ ok: false, message: `objectLock is configured for ${name}, and the bucket has no Object Lock`, hint }]
    }
    return [judge(name, rule, set)]
  })
}

function judge(
  name: string,
  { days, mode, legalHold }: NonNullable<DestinationConfig['objectLock']>,
  { retention }: Pick<ObjectSetConfig, 'retention'>,
): PostureLine {
  const held = legalHold ? ', under a legal hold until somebody takes it off' : ''
  const locked = `copies of ${name} are locked${days === undefined ? '' : ` for ${plural(days)} (${mode})`}${held}`
  const kept = daysKept(retention)
  if (legalHold || days === undefined || kept === undefined || days >= kept)
    return { ok: true, message: locked, hint: null }
  const message = `${locked}, and the retention keeps ${said(retention, kept)}: for ${plural(kept - days)} older snapshots can be removed`
  return { ok: false, message, hint: `set objectLock.days of objects.${name} to ${kept} or more` }
}

/** A lock that the place gives by itself counts from the upload: what snapshots take over from each other loses it. */
function byDefaultOnly(name: string, days: number | undefined): PostureLine[] {
  if (days === undefined) return []
  const message = `the bucket locks copies of ${name} for ${plural(days)} from their upload, and what does not change can be removed after that`
  return [{ ok: false, message, hint: 'set objectLock: each run then locks anew what its snapshot needs' }]
}
