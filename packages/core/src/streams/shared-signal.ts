import { setMaxListeners } from 'node:events'

/** A signal that follows another, for work that does many things at once: so many listeners are no leak. */
export function sharedSignal(signal: AbortSignal | undefined): AbortSignal {
  const shared = signal === undefined ? new AbortController().signal : AbortSignal.any([signal])
  setMaxListeners(0, shared)
  return shared
}
