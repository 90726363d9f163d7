import type { BackupError } from '../errors/backup-error.js'
import type { EventListener } from '../events/backup-event.js'
import type { ObjectStore } from './object-store.js'
import { removeForGood, tellOnce } from './remove-for-good.js'
import { whyRetained } from './why-retained.js'
import { wrapStoreError } from './wrap-store-error.js'

/**
 * Removes objects that are one thing, in their order and with the older versions that the place keeps. When the place
 * keeps one of them, those after it stay, too: without the first it is no whole thing any more, with it all of it is.
 * @param context.what what they are, for the message of a failure
 * @returns what the place keeps and why, such as a lock of its own; undefined when all of it is gone
 * @throws BackupError `cancelled`, `locked`
 */
export async function removeTogether(
  store: ObjectStore,
  keys: readonly string[],
  context: {
    readonly destination: string
    readonly what: string
    readonly emit: EventListener
    readonly signal: AbortSignal | undefined
    /** Told of an error, which becomes the answer. */
    readonly onFailure?: ((error: BackupError) => void) | undefined
  },
): Promise<string | undefined> {
  const { destination, emit, signal } = context
  try {
    const why = await whyRetained(store, keys, signal)
    if (why !== undefined) return why
    const left: string[] = []
    for (const key of keys) {
      const { state, message } = await removeForGood(store, key, { signal })
      if (state === 'kept' || state === 'hidden') left.push(message ?? `${key} is kept`)
      if (state === 'kept') break
      if (state === 'removed') tellOnce(store, `${destination}: ${message}`, emit)
      if (state !== 'hidden') emit({ type: 'object.removed', destination, key })
    }
    return left.length === 0 ? undefined : left.join('; ')
  } catch (error) {
    const wrapped = wrapStoreError(error, { store, doing: `remove ${context.what}`, signal })
    if (wrapped.code === 'cancelled' || wrapped.code === 'locked') throw wrapped
    context.onFailure?.(wrapped)
    return wrapped.message
  }
}
