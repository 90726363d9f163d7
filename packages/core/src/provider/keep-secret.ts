import type { RunOptions } from '../api/run-options.js'
import { decrypt, encrypt, type Lock, type Unlock } from '../encryption/open-pgp.js'
import { BackupError } from '../errors/backup-error.js'
import { emitterFor } from '../events/backup-event.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import type { Keeping } from './backup-provider.js'
import type { ProviderJob } from './recover-product.js'
import { wrapProviderError } from './wrap-provider-error.js'

const maxBytes = 64 * 1024

/** A secret that lies encrypted in the destinations. */
export interface KeptSecret {
  /** `Vault root key`. */
  readonly what: string
  readonly key: string
  /** Where it lies, or where it was read. */
  readonly locations: readonly string[]
}

/**
 * Reads the platform's secret and stores it, encrypted to the product's recipients, in every destination. It is in memory
 * only meanwhile. A destination that fails is a warning as long as another one has it.
 * @throws BackupError `provider-lacks`, `destinations-failed`
 */
export async function keepSecret(job: ProviderJob, lock: Lock, options: RunOptions): Promise<KeptSecret> {
  const { provider, stores, product } = job
  const { signal } = options
  const keeping = keepingOf(job)
  const secret = await keeping.read({ signal }).catch((error: unknown) => {
    throw wrapProviderError(error, { provider: provider!, doing: `read the ${keeping.what}`, signal })
  })
  const stamp = job
    .now()
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.\d+Z$/, 'Z')
  const key = `${prefixOf(product)}${stamp}.gpg`
  const locations: string[] = []
  const failures: BackupError[] = []
  for (const store of stores) {
    try {
      await store.put(key, encrypt(bytesOf(secret), lock), { signal })
      locations.push(store.location)
    } catch (error) {
      const failure = wrapStoreError(error, { store, doing: `write ${key}`, signal })
      if (signal?.aborted) throw failure
      failures.push(failure)
    }
  }
  if (locations.length === 0)
    throw new BackupError(
      'destinations-failed',
      `no destination took it: ${failures.map(one => one.message).join('; ')}`,
    )
  for (const { message } of failures) emitterFor(options.onEvent)({ type: 'warning.raised', message })
  return { what: keeping.what, key, locations }
}

/** Puts the newest secret that is kept back at the provider. @throws BackupError `backup-missing`, `wrong-key` */
export async function putSecretBack(
  job: ProviderJob,
  unlock: Unlock,
  options: RunOptions & { readonly key?: string | undefined },
): Promise<KeptSecret> {
  const { provider, stores, product } = job
  const { signal } = options
  const keeping = keepingOf(job)
  const found = await newest(stores, prefixOf(product), options)
  if (found === undefined)
    throw new BackupError('backup-missing', `no ${keeping.what} of ${product} is kept`, {
      hint: `\`lifeboat root-key save ${product}\` keeps it, while the project is there`,
    })
  const { store, key } = found
  let secret: string
  try {
    secret = (await readWhole(decrypt(store.get(key, { signal }), unlock), maxBytes)).toString('utf8')
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `read ${key}`, signal })
  }
  await keeping.putBack(secret, { signal }).catch((error: unknown) => {
    throw wrapProviderError(error, { provider: provider!, doing: `put the ${keeping.what} back`, signal })
  })
  return { what: keeping.what, key, locations: [store.location] }
}

/** Beside the backups, like a lock: no part of any of them, and nothing that prune or sweep would touch. */
function prefixOf(product: string): string {
  return `${product}/provider-secrets/`
}

/** The stamps are of one length and in UTC: the last by name is the newest. */
async function newest(
  stores: readonly ObjectStore[],
  prefix: string,
  { signal, key: asked, onEvent }: RunOptions & { readonly key?: string | undefined },
): Promise<{ readonly store: ObjectStore; readonly key: string } | undefined> {
  let best: { store: ObjectStore; key: string } | undefined
  for (const store of stores) {
    try {
      for await (const { key } of store.list(prefix, { signal })) {
        if (asked !== undefined ? key === asked : best === undefined || key > best.key) best = { store, key }
      }
    } catch (error) {
      const { message } = wrapStoreError(error, { store, doing: `list ${prefix}`, signal })
      signal?.throwIfAborted()
      emitterFor(onEvent)({ type: 'warning.raised', message })
    }
  }
  return best
}

function keepingOf({ product, provider }: ProviderJob): Keeping {
  if (provider?.keeping !== undefined) return provider.keeping
  throw new BackupError('provider-lacks', `${product} has no provider with a secret to keep`, {
    hint: 'Supabase has one: the root key of the Vault',
  })
}
