import type { ObjectStore } from './object-store.js'

/** What each member of a store is; a new one is not forgotten here, as the list would not compile. */
const members: Readonly<Record<keyof ObjectStore, 'value' | 'call'>> = {
  name: 'value',
  location: 'value',
  region: 'value',
  host: 'value',
  capabilities: 'value',
  listsInOrder: 'value',
  retriesRequests: 'value',
  put: 'call',
  get: 'call',
  head: 'call',
  list: 'call',
  remove: 'call',
  classify: 'call',
  listUnfinished: 'call',
  removeUnfinished: 'call',
  removeForGood: 'call',
  retrieve: 'call',
  extendLock: 'call',
  posture: 'call',
  policy: 'call',
  probe: 'call',
}

/**
 * A store with some of its calls replaced. A spread would do for a plain object only: a store may be a class, whose methods
 * lie on its prototype and whose private fields no other object has.
 */
export function overlayStore(store: ObjectStore, calls: Partial<ObjectStore>): ObjectStore {
  const overlaid: Record<string, unknown> = {}
  for (const [name, kind] of Object.entries(members)) {
    const member: unknown = store[name as keyof ObjectStore]
    // What a store cannot do it must not seem to have.
    if (member === undefined) continue
    overlaid[name] = kind === 'call' ? (member as () => unknown).bind(store) : member
  }
  return Object.assign(overlaid as unknown as ObjectStore, calls)
}
