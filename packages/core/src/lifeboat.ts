import { runBackup } from './backup/run-backup.js'
import type { LifeboatConfig, ProductConfig, ResolvedConfig } from './config/config-schema.js'
import { resolveConfig } from './config/define-config.js'
import { type Deps, nodeDeps } from './deps.js'
import { runDoctor } from './doctor/run-doctor.js'
import { estimateRestore } from './drill/estimate-restore.js'
import { runDrill } from './drill/run-drill.js'
import type { ScratchConfig } from './drill/scratch-server.js'
import { type FallbackKeys, readLock, readSealKeys, readUnlock } from './encryption/product-keys.js'
import { readRecordKeys, readRecordSealer } from './encryption/record-keys.js'
import { BackupError, isBackupError } from './errors/backup-error.js'
import { emitterFor } from './events/backup-event.js'
import type {
  DrillOptions,
  DrillReport,
  Lifeboat,
  ListedBackup,
  ListResult,
  PruneResult,
  RunOptions,
  SelectOptions,
  SweepResult,
  Unreadable,
} from './lifeboat-api.js'
import { checkLive } from './live/check-live.js'
import { diffBackup } from './live/diff-backup.js'
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
import { composeReport } from './report/compose-report.js'
import { readForReport } from './report/read-for-report.js'
import { listBackups } from './repository/list-backups.js'
import type { LocatedBackup } from './repository/locate-artifact.js'
import { readHistory } from './repository/read-history.js'
import type { ProofRecord } from './repository/record-schema.js'
import { resolveBackup } from './repository/resolve-backup.js'
import { readRecords, writeRecord } from './repository/verification-record.js'
import { prepareRestore, type RestoreJob } from './restore/plan-restore.js'
import { readBackupContents } from './restore/read-backup-contents.js'
import { runRestore } from './restore/run-restore.js'
import { runPrune } from './retention/apply-prune.js'
import { retrying } from './retry/retrying.js'
import { withRetries } from './retry/with-retries.js'
import type { Sealer } from './seal/seal.js'
import type { ObjectStore } from './store/object-store.js'
import { runSweep } from './sweep/run-sweep.js'
import { planTimeline } from './timeline/plan-timeline.js'
import { readTimeline } from './timeline/read-timeline.js'
import { applyLogMigration, logRowOf, writeLog } from './verification-log/write-log.js'
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
  const places = (named: readonly string[], run: RunOptions, only?: string) =>
    named.flatMap(product =>
      destinationsOf(configFor(run), product, only).map(([destination, { store }]) => ({
        product,
        destination,
        store,
      })),
    )
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

  const liveProduct = (product: string) => productOf(resolved, product)
  const liveSource = (product: string) => parseConnectionUrl(liveProduct(product).source.url.read())

  async function drill(name: string, run: DrillOptions = {}): Promise<DrillReport> {
    let backup: LocatedBackup | undefined
    const find = async () => {
      backup ??= await locate(name, run)
      return backup
    }
    const product = await productOfDrill(name, find)
    const configured = liveProduct(product)
    const config = run.proof ? { ...configured, drill: { ...configured.drill, proof: run.proof } } : configured
    const report = await runDrill(
      {
        ...{ find, config, scratch: scratchOf(config), source: sourceOf(config) },
        ...{ unlock: unlockFor(product), sealKeys: sealKeysFor(product) },
        ...{ findPgTools: deps.findPgTools, now: deps.now },
      },
      run,
    )
    if (!Object.hasOwn(config.destinations, report.destination)) return report
    await keepRecord(backup!.store, report.record, run)
    const records = await readRecords(backup!.store, { product, destination: report.destination }, run.signal)
    return { ...report, estimate: estimateRestore(records, report.record.databaseBytes) ?? null }
  }

  /** A name may say the product itself; an address only says it once its manifest is read. */
  async function productOfDrill(name: string, find: () => Promise<LocatedBackup>): Promise<string> {
    const [first] = name.split('/')
    if (first !== undefined && Object.hasOwn(resolved.products, first)) return first
    return (await find()).manifest.product
  }

  /** What a record that retention counts is sealed with. */
  async function recordSealer(config: ProductConfig, record: ProofRecord, run: RunOptions): Promise<Sealer> {
    if (record.level !== 'content' && record.level !== 'restored') return undefined
    const sealer = await readRecordSealer(config.encryption, await unlockFor(record.product)(), folder)
    if (sealer === undefined)
      emitterFor(run.onEvent)({
        type: 'warning.raised',
        message: 'no key at hand can seal the record of this verification: where others can, it does not count',
      })
    return sealer
  }

  async function keepRecord(store: ObjectStore, record: ProofRecord, run: RunOptions): Promise<void> {
    const config = known(record.product)
    if (config === undefined) return
    await writeRecord(store, record, { sealer: await recordSealer(config, record, run), signal: run.signal })
    if (config.verify.log === undefined) return
    try {
      const { pruneAfter: pruneAfterMs } = config.verify.log
      await writeLog(logTarget(config), logRowOf(record), { pruneAfterMs, signal: run.signal })
    } catch (error) {
      if (isBackupError(error, 'cancelled')) throw error
      // The record is in the store; what was verified stays verified without the row.
      const why = error instanceof Error ? error.message : String(error)
      const message = `no row was written into backup_verification_log: ${why}; \`lifeboat log-table\` makes the table`
      emitterFor(run.onEvent)({ type: 'warning.raised', message })
    }
  }

  const providerJobOf = (product: string, run: RunOptions): ProviderJob => {
    const { provider, destinations } = productOf(configFor(run), product)
    return { product, provider, stores: Object.values(destinations).map(one => one.store), now: deps.now }
  }
  const pauseWorkOf = (product: string, run: RunOptions): PauseWork => {
    const { provider, destinations } = productOf(configFor(run), product)
    const stores = Object.values(destinations).map(one => one.store)
    return { product, provider, stores, now: deps.now, leaseMs: deps.lockLeaseMs }
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
      if (run.level === 'restored' && run.live) {
        throw new BackupError('config-invalid', 'a drill does not look at the live database', {
          hint: 'verify at level content with live, and drill besides',
        })
      }
      if (run.level === 'restored') return drill(name, run)
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
          live: run.live
            ? options => checkLive(backup.manifest, liveProduct(product).verify, liveSource(product), options)
            : undefined,
        },
        run,
      )
      if (configured && !keyMissing(report.findings))
        await keepRecord(backup.store, recordOf(report, backup.manifest, deps.now()), run)
      return report
    },
    async history(product, run = {}) {
      return readHistory(places(product === undefined ? products : [product], run, run.destination), run)
    },
    async report(run = {}) {
      const named = run.products ?? products
      for (const product of named) productOf(resolved, product)
      const found = await readForReport(places(named, run), run)
      const config = { products: Object.fromEntries(named.map(name => [name, productOf(resolved, name)])) }
      return composeReport(found.records, found, config, deps.now())
    },
    async contents(name, run = {}) {
      const backup = await locate(name, run)
      return readBackupContents({ backup, unlock: await unlockFor(backup.manifest.product)() }, run)
    },
    drill,
    async diff(name, run = {}) {
      const backup = await locate(name, run)
      const { product } = backup.manifest
      const { findPgTools } = deps
      const { source: config } = liveProduct(product)
      const unlock = await unlockFor(product)()
      return diffBackup({ backup, unlock, source: liveSource(product), config, findPgTools }, run.signal)
    },
    async migrateLog(product, run = {}) {
      const target = logTarget(productOf(resolved, product))
      await applyLogMigration(target, run.signal)
      return { product, database: target.description }
    },
    planRestore: async (name, run) => (await prepareRestore(await restoreJob(await locate(name, run)), run)).plan,
    async restore(name, run) {
      const job = await restoreJob(await locate(name, run))
      if (!run.pause && !run.resume) return runRestore(job, run)
      const pausing = pauseWorkOf(job.backup.manifest.product, run)
      return withServicesPaused(pausing, signal => runRestore(job, { ...run, signal }), { ...run, adopt: run.resume })
    },
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
    export: async (product, run = {}) =>
      runExport({ product, config: productOf(configFor(run), product), folder, deps }, run),
    rehearse: async (product, run = {}) =>
      runRehearsal({ product, config: productOf(configFor(run), product), deps }, run),
    pause: async (product, run = {}) => pauseServices(pauseWorkOf(product, run), run),
    resume: async (product, run = {}) => resumeServices(pauseWorkOf(product, run), run),
    providerBackups: async (product, run = {}) => listProvider(providerJobOf(product, run), run),
    recoveryWindow: async (product, run = {}) => readWindow(providerJobOf(product, run), run),
    planRecovery: async (product, goal, run = {}) => planProductRecovery(providerJobOf(product, run), goal, run),
    recover: async (product, plan, run = {}) => recoverProduct(providerJobOf(product, run), plan, run),
    resumeRecovery: async (product, run = {}) => resumeProductRecovery(providerJobOf(product, run), run),
    forgetRecovery: async (product, run = {}) => forgetProductRecovery(providerJobOf(product, run), run),
    keepSecret: async (product, run = {}) =>
      keepSecret(providerJobOf(product, run), await readLock(productOf(resolved, product).encryption, folder), run),
    putSecretBack: async (product, run = {}) =>
      putSecretBack(providerJobOf(product, run), await unlockFor(product)(), run),
    timeline: async (product, run = {}) =>
      planTimeline(
        await readTimeline(product, productOf(configFor(run), product), { now: deps.now(), signal: run.signal }),
      ),
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

function scratchOf({ drill }: ProductConfig): ScratchConfig {
  if (drill.url === undefined) return { kind: 'local' }
  const { allowSourceServer, maxSize: maxBytes } = drill
  return { kind: 'server', url: drill.url.read(), allowSourceServer, maxBytes }
}

function logTarget(config: ProductConfig) {
  return parseConnectionUrl((config.verify.log?.url ?? config.source.url).read())
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
