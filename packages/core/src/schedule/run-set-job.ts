import type { ObjectOperations } from '../api/objects.js'
import type { RunJobOptions } from '../api/schedule.js'
import type { ProductConfig } from '../config/config-schema.js'
import type { ObjectJob } from '../config/jobs.js'
import type { RunPart } from '../notify/run-outcome.js'
import { findSet } from '../objects/find-set.js'
import { partOf } from './run-job.js'

/** The operations that jobs of sets are made of. */
export type SetOperations = Pick<ObjectOperations, 'copyObjects' | 'verifyObjects' | 'pruneObjects'>

/** Does a job of a set of objects, and gives each of its parts: one for a copy, else one for each destination. */
export async function runSetJob(
  lifeboat: SetOperations,
  run: { readonly product: string; readonly config: ProductConfig; readonly set: string; readonly does: ObjectJob },
  { signal, onEvent }: RunJobOptions,
): Promise<RunPart[]> {
  const { product, config, set, does } = run
  const configured = findSet(product, config.objects, set)
  if (does === 'copy') return [await partOf(signal, () => lifeboat.copyObjects(product, set, { signal, onEvent }))]
  const parts: RunPart[] = []
  for (const destination of configured.destinations ?? Object.keys(config.destinations)) {
    const options = { destination, signal, onEvent }
    const work = () =>
      does === 'verify'
        ? lifeboat.verifyObjects(product, set, { ...configured.verify, ...options })
        : lifeboat.pruneObjects(product, set, { apply: true, ...options }).then(([result]) => result!)
    parts.push(await partOf(signal, work, destination))
    if (signal?.aborted) break
  }
  return parts
}
