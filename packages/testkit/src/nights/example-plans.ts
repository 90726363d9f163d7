import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../../../cli/src/load-config.js'
import { runCli } from '../../../cli/src/testing/fake-io.js'
import type { LifeboatConfig } from '../../../core/src/config/config-schema.js'
import type { ObjectStore } from '../../../core/src/store/object-store.js'

type Products = LifeboatConfig['products']

/** The configurations in examples/, as the files have them. */
export interface ExamplePlans {
  /** Where their keys lie. */
  readonly folder: string
  /** Their products, each destination with a store of the caller's in the place of its own. */
  productsWith(storeOf: (product: string, destination: string, configured: ObjectStore) => ObjectStore): Products
  /** Puts the environment back, and removes the keys. */
  close(): Promise<void>
}

const examples = fileURLToPath(new URL('../../../../examples', import.meta.url))
const passphrase = 'the team knows it'
/** Nothing listens there: whoever asks a vendor or a database gets no answer. */
const nowhere = '127.0.0.1:9'
const environment: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['VOXANNE', 'BOOKING', 'FLYNN', 'BOTFLOW'].flatMap(name => [
      [`${name}_DATABASE_URL`, `postgres://nobody:nothing@${nowhere}/none`],
      [`${name}_KEY_PASSPHRASE`, passphrase],
      [`${name}_BACKUP_PASSPHRASE`, `of ${name.toLowerCase()} and nobody else`],
    ]),
  ),
  ...Object.fromEntries(
    [
      'S3_ENDPOINT',
      'STORAGE_ENDPOINT',
      'SUPABASE_API_URL',
      'SUPABASE_STATUS_URL',
      'RENDER_API_URL',
      'RENDER_STATUS_URL',
    ].map(name => [name, `http://${nowhere}`]),
  ),
  ...{ SUPABASE_ACCESS_TOKEN: 'not a token', RENDER_API_KEY: 'not a key' },
  ...{ STORAGE_ACCESS_KEY_ID: 'nobody', STORAGE_SECRET_ACCESS_KEY: 'not a secret' },
}

/** Loads every example as the command line does, with what its README asks for: variables, and keys of a team. */
export async function openExamplePlans(more: Readonly<Record<string, string>>): Promise<ExamplePlans> {
  const set = { ...environment, ...more }
  const before = Object.keys(set).map(name => [name, process.env[name]] as const)
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-nights-'))
  const close = async () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    await rm(folder, { recursive: true, force: true })
  }
  try {
    Object.assign(process.env, set)
    await generateKeys(folder)
    const loaded: Products = {}
    for (const entry of await readdir(examples, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue
      const { config } = await loadConfig(join(examples, entry.name, 'lifeboat.config.ts'))
      Object.assign(loaded, config.products)
    }
    return {
      folder,
      close,
      productsWith: storeOf =>
        mapValues(loaded, (configured, product) => ({
          ...configured,
          destinations: mapValues(configured.destinations, (one, destination) => ({
            ...one,
            store: storeOf(product, destination, one.store),
          })),
        })),
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function generateKeys(folder: string): Promise<void> {
  const env = { LIFEBOAT_PRIVATE_KEY_PASSPHRASE: passphrase, LIFEBOAT_RECOVERY_KEY_PASSPHRASE: 'in the safe' }
  const made = await runCli(['keys', 'generate', '--folder', join(folder, 'keys')], { config: null, env })
  if (made.status !== 0) throw new Error(made.stderr)
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, to: (value: From, key: string) => To) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, to(value, key)]))
}
