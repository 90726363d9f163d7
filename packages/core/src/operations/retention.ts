import type { PruneResult, RetentionOperations, SweepResult } from '../api/retention.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import { readRecordKeys } from '../encryption/record-keys.js'
import { runPrune } from '../retention/apply-prune.js'
import { runSweep } from '../sweep/run-sweep.js'
import type { OpenContext } from './open-context.js'
import { recordPlaces } from './record-places.js'

export function retentionOperations(context: OpenContext): RetentionOperations {
  const { deps, keys, folder, productOf } = context
  return {
    async prune(product, run = {}) {
      const places = await recordPlaces(context, [product], run)
      const results: PruneResult[] = []
      for (const [destination, { store, retention }] of context.destinationsFor(product, run, run.destination)) {
        const recordKeys = await readRecordKeys(encryptionAt(productOf(product), destination), keys, folder)
        results.push(
          await runPrune(
            {
              ...{ product, destination, store, policy: retention, apply: run.apply ?? false, recordKeys },
              ...{ now: deps.now, lockLeaseMs: deps.lockLeaseMs },
              siblings: places
                .filter(one => one.destination !== destination)
                .map(one => ({ destination: one.destination, store: one.store, recordKeys: one.keys })),
            },
            run,
          ),
        )
      }
      return results
    },
    async sweep(product, run = {}) {
      const results: SweepResult[] = []
      for (const [destination, { store }] of context.destinationsFor(product, run, run.destination)) {
        const { now, lockLeaseMs } = deps
        results.push(await runSweep({ product, destination, store, now, lockLeaseMs, apply: run.apply ?? false }, run))
      }
      return results
    },
  }
}
