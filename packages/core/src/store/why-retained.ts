import type { ObjectStore } from './object-store.js'

/**
 * Why one of these objects could not be removed for good now, for people; undefined when nothing stands against it.
 * Asked before the first of them goes: a service may answer a removal with success and only hide what it must keep.
 */
export async function whyRetained(
  store: ObjectStore,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  for (const key of keys) {
    const found = await store.head(key, { signal })
    if (found?.retained !== undefined) return `${key} is ${found.retained}`
  }
  return undefined
}
