import type { RunOptions } from '../api/run-options.js'
import { setOfJob } from '../config/jobs.js'
import type { ReportedSets } from '../report/compose-report.js'
import type { OpenContext } from './open-context.js'
import { statusOperations } from './status.js'

/** How the sets of objects of products are, for a report: what their status says of them and of nothing else. */
export async function readObjectSets(
  context: OpenContext,
  named: readonly string[],
  { signal, onEvent }: RunOptions,
): Promise<ReportedSets[]> {
  const withSets = named.filter(product => Object.keys(context.productOf(product).objects ?? {}).length > 0)
  if (withSets.length === 0) return []
  const { products } = await statusOperations(context).status({ products: withSets, signal, onEvent })
  return products.map(({ product, objects, findings }) => ({
    ...{ product, sets: objects },
    findings: findings.filter(
      ({ code, subject }) =>
        code.startsWith('objects-') ||
        (subject !== null &&
          (setOfJob(subject) !== undefined || objects.some(({ set }) => subject.startsWith(`${set} `)))),
    ),
  }))
}
