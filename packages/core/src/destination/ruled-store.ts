import type { DestinationConfig } from '../config/config-schema.js'
import { isBackupId } from '../repository/layout.js'
import type { ObjectStore, PutLock, PutOptions } from '../store/object-store.js'
import { overlayStore } from '../store/overlay-store.js'

/** What a destination says of the objects in it. */
export type ObjectRules = Pick<DestinationConfig, 'storageClass' | 'objectLock'>

/**
 * The store with a destination's rules for new objects: artifacts get its storage class, artifacts and manifests its
 * Object Lock. A manifest stays in the store's own class, because listings read it, and locks and notes stay free:
 * they are removed again.
 */
export function ruled(store: ObjectStore, rules: ObjectRules, now: () => Date): ObjectStore {
  const { storageClass, objectLock } = rules
  if (storageClass === undefined && objectLock === undefined) return store
  return overlayStore(store, {
    // What a caller says of an object of its own goes before the rule.
    put: (key, source, options) => store.put(key, source, { ...rulesFor(key, rules, now), ...options }),
  })
}

function rulesFor(key: string, { storageClass, objectLock }: ObjectRules, now: () => Date): PutOptions {
  const kind = kindOf(key)
  const options: { storageClass?: string; lock?: PutLock } = {}
  if (kind === 'artifact' && storageClass !== undefined) options.storageClass = storageClass
  if (kind !== 'other' && objectLock !== undefined) {
    const { mode, days, legalHold } = objectLock
    const until = days === undefined ? undefined : new Date(now().getTime() + days * 24 * 3_600_000)
    options.lock = { mode, until, legalHold }
  }
  return options
}

/** By where it lies: `<product>/<id>/manifest.json`, or another object of a backup's folder. */
function kindOf(key: string): 'artifact' | 'manifest' | 'other' {
  const [, id, name] = key.split('/')
  if (id === undefined || name === undefined || !isBackupId(id)) return 'other'
  return name === 'manifest.json' ? 'manifest' : 'artifact'
}
