import type { RetentionPolicy } from '../config/config-schema.js'
import type { Manifest } from '../repository/manifest.js'
import { hashManifest } from '../repository/manifest-hash.js'
import type { Kept, PrunePlan } from './plan-prune.js'

/**
 * Which backups were encrypted anew, and as what: the new one lies here, says so under its seal, was verified, and is of
 * the very manifest that lies here. The pair is one backup: counted twice it would push out half of what the rules keep.
 */
export function findSuperseded(
  manifests: readonly Manifest[],
  verified: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  return pairRotated(manifests, verified, (old, anew) => hashManifest(old) === anew.rotatedFrom?.manifestSha256)
}

/** What can be encrypted anew: a backup, or a snapshot of objects. */
interface Rotatable {
  readonly id: string
  readonly createdAt: string
  readonly seal: unknown
  readonly rotatedFrom?: { readonly id: string } | undefined
}

/** Old ids, each with the id of what it was encrypted anew as. @param isOf whether it is of the very one that lies here */
export function pairRotated<T extends Rotatable>(
  all: readonly T[],
  verified: ReadonlySet<string>,
  isOf: (old: T, anew: T) => boolean,
): ReadonlyMap<string, string> {
  const byId = new Map(all.map(one => [one.id, one]))
  const superseded = new Map<string, string>()
  for (const anew of all) {
    const { id, rotatedFrom, seal, createdAt } = anew
    // Without a seal anybody who may write could have named any other here.
    if (rotatedFrom === undefined || seal === null || !verified.has(id)) continue
    const old = byId.get(rotatedFrom.id)
    if (old === undefined || old.id === id || old.createdAt !== createdAt) continue
    if (isOf(old, anew)) superseded.set(old.id, id)
  }
  return superseded
}

/**
 * Adds backups that were encrypted anew to the plan for the others: they go, as long as rules let anything go at all and
 * enough verified backups stay.
 */
export function planSuperseded(
  plan: PrunePlan,
  superseded: readonly { readonly id: string; readonly createdAt: string; readonly as: string }[],
  { policy, verifiedLeft }: { readonly policy: RetentionPolicy; readonly verifiedLeft: number },
): PrunePlan {
  const { minimum, ...rules } = policy
  const entries = superseded.map(
    ({ id, createdAt, as }): Kept => ({ id, createdAt, reasons: [`encrypted anew as ${as}`] }),
  )
  if (Object.values(rules).every(rule => rule === undefined))
    return { ...plan, keep: [...plan.keep, ...entries.map(one => ({ ...one, reasons: ['no rule'] }))] }
  if (verifiedLeft >= minimum) return { ...plan, remove: [...plan.remove, ...entries] }
  const reason = `fewer than ${minimum} verified backups: verify first`
  return { ...plan, keep: [...plan.keep, ...entries.map(one => ({ ...one, reasons: [...one.reasons, reason] }))] }
}
