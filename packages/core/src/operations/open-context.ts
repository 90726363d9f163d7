import type { RunOptions, SelectOptions } from '../api/run-options.js'
import type { LifeboatConfig, ProductConfig, ResolvedConfig } from '../config/config-schema.js'
import { resolveConfig } from '../config/define-config.js'
import { type Deps, nodeDeps } from '../deps.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import { type FallbackKeys, readSealKeys, readUnlock } from '../encryption/product-keys.js'
import { BackupError } from '../errors/backup-error.js'
import { emitterFor } from '../events/backup-event.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import { sourceAddress } from '../provider/source-address.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import { resolveBackup } from '../repository/resolve-backup.js'
import { retrying } from '../retry/retrying.js'
import { withRetries } from '../retry/with-retries.js'
import type { ObjectStore } from '../store/object-store.js'

export interface OpenOptions {
  /** Relative paths of keys are meant from here. Default: the current folder. */
  readonly configFolder?: string | undefined
  /** Opens the place that a path or an address (`s3://…`) on a command line names; undefined when it is neither. */
  readonly openStore?:
    | ((address: string) => { readonly store: ObjectStore; readonly path: string } | undefined)
    | undefined
  /** Keys for backups that the configuration holds no key for. */
  readonly keys?: FallbackKeys | undefined
  readonly deps?: Partial<Deps> | undefined
}

/** What every operation works with: the configuration, resolved, and what is found through it. */
export interface OpenContext {
  readonly resolved: ResolvedConfig
  /** Relative paths of keys are meant from here. */
  readonly folder: string
  readonly deps: Deps
  readonly keys: FallbackKeys
  readonly products: readonly string[]
  /** As configured, or undefined: a manifest under an address may name any product, `constructor` among them. */
  known(product: string): ProductConfig | undefined
  /** As configured. @throws BackupError `config-invalid` */
  productOf(product: string): ProductConfig
  /** What a run works on: calls of its stores are repeated, and its listener hears of it. */
  productFor(product: string, run: RunOptions): ProductConfig
  /** The same, of the named destination or of all. @throws BackupError `config-invalid` */
  destinationsFor(product: string, run: RunOptions, only?: string): [string, ProductConfig['destinations'][string]][]
  /** What opens a product's backups in a destination; none: those that are read from elsewhere. */
  unlockFor(product: string, destination?: string): () => ReturnType<typeof readUnlock>
  sealKeysFor(product: string, destination?: string): () => ReturnType<typeof readSealKeys>
  /** @param select.except a destination that is not looked into */
  locate(name: string, select: RunOptions & SelectOptions & { readonly except?: string }): Promise<LocatedBackup>
  /** The live database of a product. */
  liveSource(product: string): Promise<ReturnType<typeof parseConnectionUrl>>
}

export function openContext(config: LifeboatConfig | undefined, options: OpenOptions): OpenContext {
  const resolved: ResolvedConfig = config === undefined ? { products: {} } : resolveConfig(config)
  const folder = options.configFolder ?? process.cwd()
  const deps: Deps = { ...nodeDeps(), ...options.deps }
  const keys = options.keys ?? {}
  const known = (product: string) =>
    Object.hasOwn(resolved.products, product) ? resolved.products[product] : undefined
  const productOf = (product: string) => productIn(resolved, product)
  const encryptionOf = (product: string, destination: string | undefined) => {
    const config = known(product)
    return config && encryptionAt(config, destination)
  }
  const configFor = ({ onEvent }: RunOptions) => withRetries(resolved, emitterFor(onEvent), deps)
  const openStoreFor = ({ onEvent }: RunOptions): OpenOptions['openStore'] => {
    return address => {
      const opened = options.openStore?.(address)
      if (opened === undefined) return undefined
      const destination = opened.store.location
      return {
        ...opened,
        store: retrying(opened.store, { destination, emit: emitterFor(onEvent), policy: deps.retry }),
      }
    }
  }
  return {
    ...{ resolved, folder, deps, keys, known, productOf, products: Object.keys(resolved.products) },
    productFor: (product, run) => productIn(configFor(run), product),
    destinationsFor: (product, run, only) => destinationsIn(configFor(run), product, only),
    unlockFor: (product, destination) => () => readUnlock(encryptionOf(product, destination), keys, folder),
    sealKeysFor: (product, destination) => () => readSealKeys(encryptionOf(product, destination), keys, folder),
    locate: (name, select) => resolveBackup(configFor(select), openStoreFor(select), name, select),
    liveSource: async product => parseConnectionUrl(await sourceAddress(productOf(product), { readOnly: true })),
  }
}

function productIn(config: ResolvedConfig, name: string): ProductConfig {
  const product = Object.hasOwn(config.products, name) ? config.products[name] : undefined
  if (product) return product
  throw new BackupError('config-invalid', `the configuration has no product ${JSON.stringify(name)}`, {
    hint: `configured: ${Object.keys(config.products).join(', ') || 'none'}`,
  })
}

function destinationsIn(config: ResolvedConfig, product: string, only: string | undefined) {
  const all = Object.entries(productIn(config, product).destinations)
  const chosen = only === undefined ? all : all.filter(([name]) => name === only)
  if (chosen.length > 0) return chosen
  throw new BackupError('config-invalid', `${product} has no destination ${JSON.stringify(only)}`, {
    hint: `configured: ${all.map(([name]) => name).join(', ')}`,
  })
}
