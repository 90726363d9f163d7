import { runBackup } from './backup/run-backup.js'
import type { LifeboatConfig, ProductConfig, ResolvedConfig } from './config/config-schema.js'
import { resolveConfig } from './config/define-config.js'
import { type Deps, nodeDeps } from './deps.js'
import { runDoctor } from './doctor/run-doctor.js'
import { type FallbackKeys, readLock, readSealKeys, readUnlock } from './encryption/product-keys.js'
import { BackupError } from './errors/backup-error.js'
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
import { type PauseWork, pauseServices, resumeServices, withServicesPaused } from './maintenance/pause-services.js'
import { runExport } from './mirror/run-export.js'
import { parseConnectionUrl } from './postgres/connection.js'
import { keepSecret, putSecretBack } from './provider/keep-secret.js'
import {
  forgetProductRecovery,
  listProvider,
  type ProviderJob,
  planProductRecovery,
  readWindow,
  recoverProduct,
  resumeProductRecovery,
} from './provider/recover-product.js'
import { runRehearsal } from './provider/run-rehearsal.js'
import { sourceAddress } from './provider/source-address.js'
import { composeReport } from './report/compose-report.js'
import { readForReport } from './report/read-for-report.js'
import { reportedMs } from './report/report-model.js'
import { listBackups } from './repository/list-backups.js'
import type { LocatedBackup } from './repository/locate-artifact.js'
import { readHistory } from './repository/read-history.js'
import { resolveBackup } from './repository/resolve-backup.js'
import { writeRecord } from './repository/verification-record.js'
import { prepareRestore, type RestoreJob } from './restore/plan-restore.js'
import { readBackupContents } from './restore/read-backup-contents.js'
import { runRestore } from './restore/run-restore.js'
import { runPrune } from './retention/apply-prune.js'
import type { ObjectStore } from './store/object-store.js'
import { runSweep } from './sweep/run-sweep.js'
import { planTimeline } from './timeline/plan-timeline.js'
import { readTimeline } from './timeline/read-timeline.js'
import { recordOf } from './verify/record-of.js'
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

  const unlockFor = (product: string) => () => readUnlock(resolved.products[product]?.encryption, keys, folder)
  const sealKeysFor = (product: string) => () => readSealKeys(resolved.products[product]?.encryption, keys, folder)
  const places = (named: readonly string[], only?: string) =>
    named.flatMap(product =>
      destinationsOf(resolved, product, only).map(([destination, { store }]) => ({ product, destination, store })),
    )
  const locate = (name: string, select: RunOptions & SelectOptions) =>
    resolveBackup(resolved, options.openStore, name, select)
  const restoreJob = async (backup: LocatedBackup): Promise<RestoreJob> => {
    const product = resolved.products[backup.manifest.product]
    return {
      backup,
      unlock: await unlockFor(backup.manifest.product)(),
      sealKeys: await sealKeysFor(backup.manifest.product)(),
      source: await sourceOf(product),
      findPgTools: deps.findPgTools,
    }
  }

  const providerJobOf = (product: string): ProviderJob => {
    const { provider, destinations } = productOf(resolved, product)
    return { product, provider, stores: Object.values(destinations).map(one => one.store), now: deps.now }
  }
  const pauseWorkOf = (product: string): PauseWork => {
    const { provider, destinations } = productOf(resolved, product)
    const stores = Object.values(destinations).map(one => one.store)
    return { product, provider, stores, now: deps.now, leaseMs: deps.lockLeaseMs }
  }

  return {
    products,
    destinations: product => Object.keys(productOf(resolved, product).destinations),
    backup: async (product, run = {}) =>
      runBackup({ product, config: productOf(resolved, product), folder, deps }, run),
    async list(product, select = {}) {
      const backups: ListedBackup[] = []
      const unreadable: Unreadable[] = []
      for (const name of product === undefined ? products : [product]) {
        for (const [destination, { store }] of destinationsOf(resolved, name, select.destination)) {
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
      const configured = resolved.products[product]?.destinations[backup.destination] !== undefined
      const report = await runVerify(
        {
          backup,
          level: run.level ?? 'content',
          unlock: unlockFor(product),
          sealKeys: sealKeysFor(product),
          verify: resolved.products[product]?.verify,
          configured,
          rpoMs: resolved.products[product]?.objectives.rpo,
          now: deps.now,
        },
        run,
      )
      if (configured && report.level === 'content' && !keyMissing(report.findings))
        await writeRecord(backup.store, recordOf(report, backup.manifest, deps.now()), run.signal)
      return report
    },
    async history(product, run = {}) {
      return readHistory(places(product === undefined ? products : [product], run.destination), run)
    },
    async report(run = {}) {
      const named = run.products ?? products
      for (const product of named) productOf(resolved, product)
      const now = deps.now()
      const since = new Date(now.getTime() - reportedMs)
      const found = await readForReport(places(named), { ...run, since })
      const config = { products: Object.fromEntries(named.map(name => [name, productOf(resolved, name)])) }
      return composeReport(found.records, found, config, now)
    },
    async contents(name, run = {}) {
      const backup = await locate(name, run)
      return readBackupContents({ backup, unlock: await unlockFor(backup.manifest.product)() }, run)
    },
    planRestore: async (name, run) => (await prepareRestore(await restoreJob(await locate(name, run)), run)).plan,
    async restore(name, run) {
      const job = await restoreJob(await locate(name, run))
      if (!run.pause && !run.resume) return runRestore(job, run)
      const pausing = pauseWorkOf(job.backup.manifest.product)
      return withServicesPaused(pausing, signal => runRestore(job, { ...run, signal }), { ...run, adopt: run.resume })
    },
    async prune(product, run = {}) {
      const results: PruneResult[] = []
      for (const [destination, { store, retention }] of destinationsOf(resolved, product, run.destination)) {
        results.push(
          await runPrune(
            {
              ...{ product, destination, store, policy: retention, apply: run.apply ?? false },
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
      for (const [destination, { store }] of destinationsOf(resolved, product, run.destination)) {
        const { now, lockLeaseMs } = deps
        results.push(await runSweep({ product, destination, store, now, lockLeaseMs, apply: run.apply ?? false }, run))
      }
      return results
    },
    export: async (product, run = {}) =>
      runExport({ product, config: productOf(resolved, product), folder, deps }, run),
    rehearse: async (product, run = {}) => runRehearsal({ product, config: productOf(resolved, product), deps }, run),
    pause: async (product, run = {}) => pauseServices(pauseWorkOf(product), run),
    resume: async (product, run = {}) => resumeServices(pauseWorkOf(product), run),
    providerBackups: async (product, run = {}) => listProvider(providerJobOf(product), run),
    recoveryWindow: async (product, run = {}) => readWindow(providerJobOf(product), run),
    planRecovery: async (product, goal, run = {}) => planProductRecovery(providerJobOf(product), goal, run),
    recover: async (product, plan, run = {}) => recoverProduct(providerJobOf(product), plan, run),
    resumeRecovery: async (product, run = {}) => resumeProductRecovery(providerJobOf(product), run),
    forgetRecovery: async (product, run = {}) => forgetProductRecovery(providerJobOf(product), run),
    keepSecret: async (product, run = {}) =>
      keepSecret(providerJobOf(product), await readLock(productOf(resolved, product).encryption, folder), run),
    putSecretBack: async (product, run = {}) => putSecretBack(providerJobOf(product), await unlockFor(product)(), run),
    timeline: async (product, run = {}) =>
      planTimeline(await readTimeline(product, productOf(resolved, product), { now: deps.now(), signal: run.signal })),
    async doctor(product, run = {}) {
      const names = product === undefined ? products : [product]
      const checks = []
      for (const name of names)
        checks.push(...(await runDoctor({ product: name, config: productOf(resolved, name), folder, keys, deps }, run)))
      return checks
    },
  }
}

/** A key that is not at hand says nothing about the backup. */
function keyMissing(findings: readonly { readonly code: string }[]): boolean {
  return findings.some(finding => finding.code === 'key-missing' || finding.code === 'wrong-key')
}

async function sourceOf(product: ProductConfig | undefined) {
  if (product === undefined) return undefined
  try {
    return parseConnectionUrl(await sourceAddress(product, { readOnly: true }))
  } catch (error) {
    // A machine that only restores need not know the source's address; without it nothing can be confused with it. And in
    // the disaster a restore is for, the provider may not know the source any more.
    if (error instanceof BackupError && (error.code === 'secret-missing' || product.source.url === 'provider'))
      return undefined
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
