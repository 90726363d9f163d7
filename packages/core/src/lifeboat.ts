import { runBackup } from './backup/run-backup.js'
import type { LifeboatConfig, ProductConfig, ResolvedConfig } from './config/config-schema.js'
import { resolveConfig } from './config/define-config.js'
import { type Deps, nodeDeps } from './deps.js'
import { runDoctor } from './doctor/run-doctor.js'
import { type FallbackKeys, readSealKeys, readUnlock } from './encryption/product-keys.js'
import { readRecordKeys, readRecordSealer } from './encryption/record-keys.js'
import { BackupError } from './errors/backup-error.js'
import { emitterFor } from './events/backup-event.js'
import type {
  Lifeboat,
  ListedBackup,
  ListResult,
  PruneResult,
  RunOptions,
  SelectOptions,
  SweepResult,
  Unreadable,
} from './lifeboat-api.js'
import { parseConnectionUrl } from './postgres/connection.js'
import { listBackups } from './repository/list-backups.js'
import type { LocatedBackup } from './repository/locate-artifact.js'
import { resolveBackup } from './repository/resolve-backup.js'
import { writeVerification } from './repository/verification-record.js'
import { prepareRestore, type RestoreJob } from './restore/plan-restore.js'
import { runRestore } from './restore/run-restore.js'
import { runPrune } from './retention/apply-prune.js'
import { retrying } from './retry/retrying.js'
import { withRetries } from './retry/with-retries.js'
import type { ObjectStore } from './store/object-store.js'
import { runSweep } from './sweep/run-sweep.js'
import { runVerify } from './verify/run-verify.js'

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

/**
 * Opens the toolkit on a configuration; without one, only addresses can be named. Checks the configuration; opens no
 * connection and reads no secret yet.
 * @throws BackupError `config-invalid`
 */
export async function openLifeboat(config: LifeboatConfig | undefined, options: OpenOptions = {}): Promise<Lifeboat> {
  const resolved: ResolvedConfig = config === undefined ? { products: {} } : resolveConfig(config)
  const folder = options.configFolder ?? process.cwd()
  const deps: Deps = { ...nodeDeps(), ...options.deps }
  const keys = options.keys ?? {}
  const products = Object.keys(resolved.products)

  /** A manifest under an address may name any product, `constructor` among them. */
  const known = (product: string) =>
    Object.hasOwn(resolved.products, product) ? resolved.products[product] : undefined
  const unlockFor = (product: string) => () => readUnlock(known(product)?.encryption, keys, folder)
  const sealKeysFor = (product: string) => () => readSealKeys(known(product)?.encryption, keys, folder)
  /** What a run works on: calls of its stores are repeated, and its listener hears of it. */
  const configFor = ({ onEvent }: RunOptions) => withRetries(resolved, emitterFor(onEvent), deps.retry)
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
  const locate = (name: string, select: RunOptions & SelectOptions) =>
    resolveBackup(configFor(select), openStoreFor(select), name, select)
  const restoreJob = async (backup: LocatedBackup): Promise<RestoreJob> => {
    const product = known(backup.manifest.product)
    return {
      backup,
      unlock: await unlockFor(backup.manifest.product)(),
      sealKeys: await sealKeysFor(backup.manifest.product)(),
      source: sourceOf(product),
      findPgTools: deps.findPgTools,
    }
  }

  return {
    products,
    destinations: product => Object.keys(productOf(resolved, product).destinations),
    backup: async (product, run = {}) =>
      runBackup({ product, config: productOf(configFor(run), product), folder, deps }, run),
    async list(product, select = {}) {
      const backups: ListedBackup[] = []
      const unreadable: Unreadable[] = []
      for (const name of product === undefined ? products : [product]) {
        for (const [destination, { store }] of destinationsOf(configFor(select), name, select.destination)) {
          const found: ListResult = await listBackups(store, { product: name, destination }, select.signal)
          backups.push(...found.backups)
          unreadable.push(...found.unreadable)
        }
      }
      backups.sort((a, b) => b.manifest.createdAt.localeCompare(a.manifest.createdAt) || b.id.localeCompare(a.id))
      return { backups, unreadable }
    },
    async show(name, select = {}) {
      const { manifest, destination, store } = await locate(name, select)
      const storedBytes = manifest.artifacts.reduce((sum, artifact) => sum + artifact.storedBytes, 0)
      return {
        product: manifest.product,
        id: manifest.id,
        destination,
        location: store.location,
        manifest,
        storedBytes,
      }
    },
    async verify(name, run = {}) {
      const backup = await locate(name, run)
      const { product } = backup.manifest
      const config = known(product)
      const configured = config !== undefined && Object.hasOwn(config.destinations, backup.destination)
      const report = await runVerify(
        {
          backup,
          level: run.level ?? 'content',
          unlock: unlockFor(product),
          sealKeys: sealKeysFor(product),
          verify: config?.verify,
          configured,
          rpoMs: config?.objectives.rpo,
          now: deps.now,
        },
        run,
      )
      if (configured && report.level === 'content' && !keyMissing(report.findings)) {
        const sealer = await readRecordSealer(config.encryption, await unlockFor(product)(), folder)
        if (sealer === undefined)
          emitterFor(run.onEvent)({
            type: 'warning.raised',
            message: 'no key at hand can seal the record of this verification: where others can, it does not count',
          })
        const { manifest, destination, store } = backup
        await writeVerification(store, { manifest, destination, report, now: deps.now(), sealer }, run.signal)
      }
      return report
    },
    planRestore: async (name, run) => (await prepareRestore(await restoreJob(await locate(name, run)), run)).plan,
    restore: async (name, run) => runRestore(await restoreJob(await locate(name, run)), run),
    async prune(product, run = {}) {
      const recordKeys = await readRecordKeys(productOf(resolved, product).encryption, keys, folder)
      const results: PruneResult[] = []
      for (const [destination, { store, retention }] of destinationsOf(configFor(run), product, run.destination)) {
        results.push(
          await runPrune(
            {
              ...{ product, destination, store, policy: retention, apply: run.apply ?? false, recordKeys },
              ...{ now: deps.now, lockLeaseMs: deps.lockLeaseMs },
            },
            run,
          ),
        )
      }
      return results
    },
    async sweep(product, run = {}) {
      const results: SweepResult[] = []
      for (const [destination, { store }] of destinationsOf(configFor(run), product, run.destination)) {
        const { now, lockLeaseMs } = deps
        results.push(await runSweep({ product, destination, store, now, lockLeaseMs, apply: run.apply ?? false }, run))
      }
      return results
    },
    async doctor(product, run = {}) {
      const names = product === undefined ? products : [product]
      const checks = []
      for (const name of names)
        checks.push(
          ...(await runDoctor({ product: name, config: productOf(configFor(run), name), folder, keys, deps }, run)),
        )
      return checks
    },
  }
}

/** A key that is not at hand says nothing about the backup. */
function keyMissing(findings: readonly { readonly code: string }[]): boolean {
  return findings.some(finding => finding.code === 'key-missing' || finding.code === 'wrong-key')
}

function sourceOf(product: ProductConfig | undefined) {
  if (product === undefined) return undefined
  try {
    return parseConnectionUrl(product.source.url.read())
  } catch (error) {
    // A machine that only restores need not know the source's address; without it nothing can be confused with it.
    if (error instanceof BackupError && error.code === 'secret-missing') return undefined
    throw error
  }
}

function productOf(config: ResolvedConfig, name: string): ProductConfig {
  const product = Object.hasOwn(config.products, name) ? config.products[name] : undefined
  if (product) return product
  throw new BackupError('config-invalid', `the configuration has no product ${JSON.stringify(name)}`, {
    hint: `configured: ${Object.keys(config.products).join(', ') || 'none'}`,
  })
}

function destinationsOf(config: ResolvedConfig, product: string, only: string | undefined) {
  const all = Object.entries(productOf(config, product).destinations)
  const chosen = only === undefined ? all : all.filter(([name]) => name === only)
  if (chosen.length > 0) return chosen
  throw new BackupError('config-invalid', `${product} has no destination ${JSON.stringify(only)}`, {
    hint: `configured: ${all.map(([name]) => name).join(', ')}`,
  })
}
