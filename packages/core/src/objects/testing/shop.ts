import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { Lifeboat } from '../../api/lifeboat-api.js'
import { secret } from '../../config/secret.js'
import { generateKeyPair } from '../../encryption/open-pgp.js'
import { openLifeboat } from '../../lifeboat.js'
import type { ObjectStore } from '../../store/object-store.js'
import { bytesOf, readWhole } from '../../streams/byte-source.js'

type OpenOptions = NonNullable<Parameters<typeof openLifeboat>[1]>
type ShopConfig = Extract<Parameters<typeof openLifeboat>[0], { readonly products: unknown }>['products'][string]

/** A folder of OpenPGP pairs, `NAME.asc` and `NAME-private.asc`. */
export interface KeyFolder {
  readonly path: string
  readonly fingerprints: Readonly<Record<string, string>>
}

/**
 * Makes pairs before the tests of a file, and removes them after. Keys, as deriving them from a passphrase for every run
 * takes its time.
 */
export function keyFolder(...names: readonly string[]): KeyFolder {
  const keys = { path: '', fingerprints: {} as Record<string, string> }
  beforeAll(async () => {
    keys.path = await mkdtemp(join(tmpdir(), 'lifeboat-objects-keys-'))
    for (const name of names) {
      const { publicKey, privateKey, fingerprint } = await generateKeyPair({ name })
      await writeFile(join(keys.path, `${name}.asc`), publicKey)
      await writeFile(join(keys.path, `${name}-private.asc`), privateKey)
      keys.fingerprints[name] = fingerprint
    }
  })
  afterAll(() => rm(keys.path, { recursive: true, force: true }))
  return keys
}

/** Encrypted to one pair, sealed with another. */
export function readers(name: string, sealedBy = 'writer') {
  return {
    recipients: [`${name}.asc`] as [string],
    ...{ privateKey: `${name}-private.asc`, signingKey: `${sealedBy}-private.asc` },
  }
}

export interface Shop {
  /** The source of the set. */
  readonly from: ObjectStore
  /** The only destination. */
  readonly store: ObjectStore
  readonly keys: KeyFolder
  /** What the set, and the destination, say besides. */
  readonly set?: object
  readonly vault?: object
  /** Default: to the team, sealed by the writer. */
  readonly encryption?: object
  readonly named?: string
  readonly deps: OpenOptions['deps']
}

/** A product with one set of objects in one destination. Its database is never asked. */
export function openShop({
  from,
  store,
  keys,
  set,
  vault,
  encryption,
  named = 'uploads',
  deps,
}: Shop): Promise<Lifeboat> {
  const shop = {
    source: { url: secret.value('postgres://nobody@example.org/shop', 'a test') },
    encryption: encryption ?? readers('team'),
    destinations: { vault: { store, ...vault } },
    objects: { [named]: { from, ...set } },
  } as ShopConfig
  return openLifeboat({ products: { shop } }, { deps, configFolder: keys.path })
}

export async function fill(store: ObjectStore, objects: Readonly<Record<string, string>>): Promise<void> {
  for (const [key, text] of Object.entries(objects)) await store.put(key, bytesOf(text))
}

/** What a store holds, each byte as one character. */
export async function contents(store: ObjectStore, prefix = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const key of await keysOf(store, prefix))
    found[key] = (await readWhole(store.get(key), 2 ** 26)).toString('latin1')
  return found
}

export async function keysOf(store: ObjectStore, prefix = ''): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys.sort()
}
