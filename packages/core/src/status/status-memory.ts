import { type DeriveKey, rememberingKey } from '../seal/seal.js'
import type { KnownObject } from './index-keys.js'

/** What was read of one product in one destination: manifests and records never change once they are written. */
export interface PlaceMemory {
  /**
   * What `read` made of the object, then or now; an object that was replaced is read again. A second value of one object
   * has a name of its own after a NUL: `key\0judged`.
   * @param lasts whether it is what the object says, and not what a store said for a moment. Default: always
   */
  remember<T>(object: KnownObject, read: () => Promise<T>, lasts?: (value: T) => boolean): Promise<T>
  /** Forgets what is not there any more. */
  keepOnly(objects: readonly KnownObject[]): void
  /** Derives the key of seals once. */
  readonly keyOf: DeriveKey
}

/** What is known of every place, for as long as the toolkit is open. */
export interface StatusMemory {
  of(product: string, destination: string): PlaceMemory
}

export function statusMemory(): StatusMemory {
  const places = new Map<string, PlaceMemory>()
  return {
    of(product, destination) {
      const name = `${product}/${destination}`
      const known = places.get(name) ?? placeMemory()
      places.set(name, known)
      return known
    },
  }
}

function placeMemory(): PlaceMemory {
  const known = new Map<string, { readonly version: string; readonly value: unknown }>()
  return {
    keyOf: rememberingKey(),
    async remember<T>(
      { key, version }: KnownObject,
      read: () => Promise<T>,
      lasts: (value: T) => boolean = () => true,
    ): Promise<T> {
      const found = known.get(key)
      if (found?.version === version) return found.value as T
      const value = await read()
      if (lasts(value)) known.set(key, { version, value })
      return value
    },
    keepOnly(objects) {
      const there = new Set(objects.map(({ key }) => key))
      for (const key of known.keys()) if (!there.has(key.split('\0', 1)[0]!)) known.delete(key)
    },
  }
}
