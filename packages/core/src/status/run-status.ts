import type { StatusOptions, StatusReport } from '../api/status.js'
import type { EncryptionConfig, ProductConfig } from '../config/config-schema.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { emitterFor } from '../events/backup-event.js'
import type { KeyFinding } from '../keys/key-state.js'
import type { RetryPolicy } from '../retry/retry-policy.js'
import { retrying } from '../retry/retrying.js'
import type { SealKeys } from '../seal/seal.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { judgeProduct, worstOf } from './judge-product.js'
import { readDestination } from './read-destination.js'
import { rememberedDueTimes } from './remembered-due-times.js'
import type { StatusMemory } from './status-memory.js'
import { withinTime } from './within-time.js'

export interface StatusJob {
  readonly products: readonly (readonly [name: string, config: ProductConfig])[]
  readonly memory: StatusMemory
  readonly readKeys: (encryption: EncryptionConfig) => Promise<SealKeys>
  readonly readKeyFindings: (product: string, signal: AbortSignal) => Promise<readonly KeyFinding[]>
  readonly now: Date
  readonly retry: RetryPolicy
}

const productsInFlight = 16
export const defaultDestinationTimeoutMs = 10_000
export const defaultStatusTimeoutMs = 30_000

/** Reads and judges every product. See `StatusOperations`. */
export async function runStatus(job: StatusJob, options: StatusOptions): Promise<StatusReport> {
  const { now, memory } = job
  const { signal, onEvent, destinationTimeoutMs = defaultDestinationTimeoutMs } = options
  const emit = emitterFor(onEvent)
  const due = rememberedDueTimes()
  const keys = rememberedKeys(job.readKeys)
  const endsMs = performance.now() + (options.timeoutMs ?? defaultStatusTimeoutMs)
  const leftMs = () => Math.max(1, Math.min(destinationTimeoutMs, endsMs - performance.now()))
  const judged = orderedParallel(eachOf(job.products), productsInFlight, async ([product, config]) => {
    let keysFailure: string | null = null
    const destinations = await Promise.all(
      Object.entries(config.destinations).map(([destination, { store }]) =>
        readDestination(
          {
            sets: setsAt(config, destination),
            ...{ product, destination, now, memory: memory.of(product, destination) },
            store: retrying(store, { destination, emit, policy: job.retry }),
            keys: async () => {
              const read = await keys(encryptionAt(config, destination))
              keysFailure ??= read.failure
              return read.keys
            },
          },
          { timeoutMs: leftMs(), signal },
        ),
      ),
    )
    const silent = destinations.some(({ failure }) => failure !== null)
    const keyFindings = options.keys
      ? await withinTime(signal => job.readKeyFindings(product, signal), {
          ...{ ms: leftMs(), doing: `look at the keys of ${product}`, signal },
        }).catch((error: unknown) => {
          throwIfCancelled(signal)
          // A silent destination is said already.
          return silent ? [] : [keysUnread(error)]
        })
      : []
    return judgeProduct({ product, config, destinations, keysFailure, keyFindings, now, due })
  })
  const products = []
  for await (const product of judged) products.push(product)
  throwIfCancelled(signal)
  const checkedAt = now.toISOString()
  return { version: 1, checkedAt, state: worstOf(products.flatMap(({ findings }) => findings)), products }
}

/** The sets of objects that are copied to a destination; undefined: the product has none. */
function setsAt({ objects }: ProductConfig, destination: string): readonly string[] | undefined {
  const sets = Object.entries(objects ?? {})
  if (sets.length === 0) return undefined
  return sets.filter(([, { destinations }]) => destinations?.includes(destination) ?? true).map(([set]) => set)
}

function keysUnread(error: unknown): KeyFinding {
  const why = error instanceof Error ? error.message : String(error)
  const message = `the keys could not be looked at: ${why}`
  return {
    severity: 'warning',
    code: 'keys-unread',
    subject: 'keys',
    since: null,
    message,
    hint: '`lifeboat keys list`',
  }
}

/** Keys of a look: read once however many products share them. A place that lacks them can still tell most. */
function rememberedKeys(readKeys: StatusJob['readKeys']) {
  const known = new Map<string | EncryptionConfig, Promise<{ keys: SealKeys; failure: string | null }>>()
  return (encryption: EncryptionConfig) => {
    const name = nameOf(encryption)
    const read =
      known.get(name) ??
      readKeys(encryption).then(
        keys => ({ keys, failure: null }),
        (error: unknown) => ({
          keys: { signers: [] },
          failure: error instanceof Error ? error.message : String(error),
        }),
      )
    known.set(name, read)
    return read
  }
}

/** Secrets may share their words, so whoever holds one is known by itself. */
function nameOf(encryption: EncryptionConfig): string | EncryptionConfig {
  if ('passphrase' in encryption || typeof encryption.signingKey === 'object') return encryption
  const { recipients, signers, signingKey } = encryption
  return JSON.stringify([recipients, signers, signingKey])
}

async function* eachOf<T>(list: readonly T[]): AsyncIterable<T> {
  yield* list
}
