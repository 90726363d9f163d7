import type { CopyObjectsResult, ObjectOperations } from '../api/objects.js'
import { withHooks } from '../hooks/with-hooks.js'
import type { OpenContext } from './open-context.js'

/** The operations with the product's hooks around copies: of their own, as those of a backup may stop a site for its time. */
export function withCopyHooks(context: OpenContext, operations: ObjectOperations): ObjectOperations {
  return {
    ...operations,
    copyObjects: (product, set, run = {}) => {
      const work = () => operations.copyObjects(product, set, run)
      // What is not there has no hooks either.
      if (!operations.objectSets(product).includes(set)) return work()
      const hooked = { around: 'Copy', folder: context.folder, facts: { product, set }, outcome: outcomeOf } as const
      return withHooks({ ...hooked, config: context.productOf(product), work }, run)
    },
  }
}

function outcomeOf({ status, destinations }: CopyObjectsResult) {
  const backup = destinations.flatMap(({ snapshot }) => snapshot?.id ?? [])[0] ?? null
  return { status: status === 'complete' ? 'ok' : status, backup } as const
}
