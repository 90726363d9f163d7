import type { PruneResult } from '../api/retention.js'
import type { RunOptions } from '../api/run-options.js'
import type { RetentionPolicy } from '../config/config-schema.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import type { ErrorCode } from '../errors/error-code.js'
import { emitterFor } from '../events/backup-event.js'
import { withLocks } from '../locks/hold-locks.js'
import { backupPrefix } from '../repository/layout.js'
import { listBackups } from '../repository/list-backups.js'
import { isExport } from '../repository/locate-artifact.js'
import { removeBackup } from '../repository/remove-backup.js'
import { findVerified } from '../repository/verification-record.js'
import type { SealKeys } from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import { sweepUnlocked } from '../sweep/run-sweep.js'
import { findArchivedProof, type ProofPlace } from './archived-proof.js'
import { type PrunePlan, planPrune } from './plan-prune.js'
import { findSuperseded, planSuperseded } from './superseded.js'

export interface PruneJob {
  readonly product: string
  readonly destination: string
  readonly store: ObjectStore
  readonly policy: RetentionPolicy
  readonly now: () => Date
  readonly apply: boolean
  readonly lockLeaseMs: number
  /** What records of verifications are checked with. */
  readonly recordKeys: SealKeys
  /** The product's other destinations, whose verifications speak for what lies in an archive here. Default: none. */
  readonly siblings?: readonly ProofPlace[] | undefined
}

/**
 * Plans a prune of one destination and, with `apply`, removes under the product's lock: the manifest first, then what
 * it names, nothing else.
 * @throws BackupError `locked` when a backup or another prune of the product is under way
 */
export async function runPrune(job: PruneJob, options: RunOptions): Promise<PruneResult> {
  if (!job.apply) return planAndApply(job, options)
  const { product, destination, store, lockLeaseMs: leaseMs, now } = job
  const stores = [{ name: destination, store }]
  const emit = emitterFor(options.onEvent)
  return withLocks({ product, purpose: 'prune', stores, leaseMs, now, emit, signal: options.signal }, signal =>
    planAndApply(job, { ...options, signal }),
  )
}

async function planAndApply(job: PruneJob, options: RunOptions): Promise<PruneResult> {
  const { product, destination, store } = job
  const { signal } = options
  const emit = emitterFor(options.onEvent)
  const { backups } = await listBackups(store, { product, destination }, signal)
  const manifests = backups.map(({ manifest }) => manifest)
  const verified = new Set(await findVerified(store, job, manifests, job.recordKeys, signal))
  for (const id of await findArchivedProof(job, manifests, signal)) verified.add(id)
  const superseded = findSuperseded(manifests, verified)
  const candidatesOf = (exports: boolean) =>
    manifests
      .filter(manifest => isExport(manifest) === exports && !superseded.has(manifest.id))
      .map(({ id, createdAt }) => ({ id, createdAt: new Date(createdAt), verified: verified.has(id) }))
  const planOf = (exports: boolean) => {
    const candidates = candidatesOf(exports)
    const anew = manifests
      .filter(one => isExport(one) === exports && superseded.has(one.id))
      .map(({ id, createdAt }) => ({ id, createdAt, as: superseded.get(id)! }))
    const verifiedLeft = candidates.filter(one => one.verified).length
    const plan = planPrune(candidates, job.policy, job.now())
    return planSuperseded(plan, anew, { policy: job.policy, verifiedLeft })
  }
  // Each kind by the rules for itself: an export must not push a dump out, nor the other way round.
  const plan = joinPlans(planOf(false), planOf(true))
  const removed: string[] = []
  const retained: PruneResult['retained'][number][] = []
  for (const { id } of job.apply ? plan.remove : []) {
    throwIfCancelled(signal)
    const manifest = manifests.find(one => one.id === id)!
    const backup = { store, destination, folder: backupPrefix(product, id), manifest }
    let code: ErrorCode | undefined
    const message = await removeBackup(backup, signal, emit, error => {
      code = error.code
    })
    if (message === undefined) removed.push(id)
    else retained.push({ id, message, ...(code && { code }) })
  }
  const sweep = await sweepUnlocked(job, options)
  return { product, destination, applied: job.apply, plan, removed, retained, sweep }
}

function joinPlans(one: PrunePlan, other: PrunePlan): PrunePlan {
  const newestFirst = (list: PrunePlan['keep']) => [...list].sort((a, b) => b.createdAt.localeCompare(a.createdAt))
  return { keep: newestFirst([...one.keep, ...other.keep]), remove: newestFirst([...one.remove, ...other.remove]) }
}
