import type { Lifeboat } from '@lifeboat/core'
import { oneLine } from './render/one-line.js'
import type { Session } from './session.js'
import { UsageError } from './usage-error.js'

/** The set that was named, or all of the product. @throws UsageError */
export function chooseSets(
  session: Session,
  lifeboat: Lifeboat,
  product: string,
  set: string | undefined,
): readonly string[] {
  session.chooseProducts(lifeboat, [product])
  const sets = lifeboat.objectSets(product)
  if (sets.length === 0)
    throw new UsageError(
      `${product} has no sets of objects`,
      'name one under objects in its configuration: docs/configuration.md',
    )
  if (set === undefined) return sets
  if (sets.includes(set)) return [set]
  throw new UsageError(`${product} has no set of objects ${JSON.stringify(oneLine(set))}`, `it has: ${sets.join(', ')}`)
}

export function runOf(session: Session) {
  return { signal: session.signal, onEvent: session.progress.onEvent }
}
