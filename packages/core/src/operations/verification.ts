import type { RunOptions } from '../api/run-options.js'
import type { DrillOptions, DrillReport, VerificationOperations } from '../api/verification.js'
import type { ProductConfig } from '../config/config-schema.js'
import { rpoAt } from '../destination/destination-schedule.js'
import { estimateRestore } from '../drill/estimate-restore.js'
import { runDrill } from '../drill/run-drill.js'
import type { ScratchConfig } from '../drill/scratch-server.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { withHooks } from '../hooks/with-hooks.js'
import { checkDefinitions } from '../live/check-definitions.js'
import { checkLive } from '../live/check-live.js'
import { diffBackup } from '../live/diff-backup.js'
import { composeReport } from '../report/compose-report.js'
import { readForReport } from '../report/read-for-report.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import { readHistory } from '../repository/read-history.js'
import { readRecords } from '../repository/verification-record.js'
import { findArchived, retrieveBackup } from '../retrieval/retrieve-backup.js'
import { planTimeline } from '../timeline/plan-timeline.js'
import { readTimeline } from '../timeline/read-timeline.js'
import { applyLogMigration } from '../verification-log/write-log.js'
import { type Checked, checked } from '../verify/checked.js'
import { critical, liveUnreachable } from '../verify/finding.js'
import { recordOf } from '../verify/record-of.js'
import { runVerify } from '../verify/run-verify.js'
import { keepRecord, logTarget } from './keep-record.js'
import type { OpenContext } from './open-context.js'
import { readObjectSets } from './read-object-sets.js'
import { recordPlaces } from './record-places.js'
import { sourceOf } from './source-of.js'

export function verificationOperations(context: OpenContext): VerificationOperations {
  const { resolved, products, deps, known, productOf, unlockFor, sealKeysFor, locate, liveSource } = context

  return {
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
      const wanted = run.level ?? 'content'
      // An address that is not at hand is better known before hours of reading than after them.
      if (run.live) readAddress(productOf(product))
      if (run.retrieve && wanted !== 'listed') await retrieveBackup(backup, run.retrieve, deps, run)
      const archived = wanted === 'listed' ? [] : await findArchived(backup, run.signal)
      const configured = config !== undefined && Object.hasOwn(config.destinations, backup.destination)
      const report = await runVerify(
        {
          backup,
          level: archived.length > 0 ? 'listed' : wanted,
          archived,
          unlock: unlockFor(product, backup.destination),
          sealKeys: sealKeysFor(product, backup.destination),
          verify: config?.verify,
          configured,
          rpoMs: config && rpoAt(config, configured ? config.destinations[backup.destination] : undefined),
          now: deps.now,
          live: run.live
            ? options => lookAtLive(backup, wanted === 'content' && archived.length === 0, options)
            : undefined,
        },
        run,
      )
      if (configured && !keyMissing(report.findings))
        await keepRecord(context, backup.store, recordOf(report, backup.manifest, deps.now()), run)
      return report
    },
    async history(product, run = {}) {
      return readHistory(
        await recordPlaces(context, product === undefined ? products : [product], run, run.destination),
        run,
      )
    },
    async report(run = {}) {
      const named = run.products ?? products
      for (const product of named) productOf(product)
      const found = await readForReport(await recordPlaces(context, named, run), run)
      const config = { products: Object.fromEntries(named.map(name => [name, productOf(name)])) }
      const objects = await readObjectSets(context, named, run)
      return composeReport(found.records, { ...found, objects }, config, deps.now())
    },
    drill,
    async diff(name, run = {}) {
      const backup = await locate(name, run)
      await retrieveBackup(backup, run.retrieve, deps, run)
      const { product } = backup.manifest
      const { findPgTools } = deps
      const { source: config } = productOf(product)
      const unlock = await unlockFor(product, backup.destination)()
      return diffBackup({ backup, unlock, source: await liveSource(product), config, findPgTools }, run.signal)
    },
    async migrateLog(product, run = {}) {
      const target = await logTarget(productOf(product))
      await applyLogMigration(target, run.signal)
      return { product, database: target.description }
    },
    timeline: async (product, run = {}) =>
      planTimeline(
        await readTimeline(product, context.productFor(product, run), { now: deps.now(), signal: run.signal }),
      ),
  }

  /** @param opened whether the backup could be read, and so its table of contents */
  async function lookAtLive(backup: LocatedBackup, opened: boolean, run: RunOptions): Promise<Checked[]> {
    const { product } = backup.manifest
    const { verify, source: config } = productOf(product)
    try {
      const source = await liveSource(product)
      const done = await checkLive(backup.manifest, verify, source, run)
      if (!opened) return done
      const unlock = unlockFor(product, backup.destination)
      const job = { backup, unlock, source, config, findPgTools: deps.findPgTools }
      return [...done, ...(await checkDefinitions(job, run.signal))]
    } catch (error) {
      throwIfCancelled(run.signal)
      if (!isBackupError(error)) throw error
      // The backup was read all the same, and what was found of it counts.
      const message = `the live database could not be looked at: ${error.message}`
      return [checked('live database', [critical(liveUnreachable, message, error.hint ?? null)])]
    }
  }

  async function drill(name: string, run: DrillOptions = {}): Promise<DrillReport> {
    let backup: LocatedBackup | undefined
    const find = async () => {
      if (backup !== undefined) return backup
      const found = await locate(name, run)
      await retrieveBackup(found, run.retrieve, deps, run)
      backup = found
      return backup
    }
    const product = await productOfDrill(name, find)
    const configured = productOf(product)
    const config = run.proof ? { ...configured, drill: { ...configured.drill, proof: run.proof } } : configured
    const work = async () =>
      runDrill(
        {
          ...{ find, config, scratch: scratchOf(config), source: await sourceOf(config) },
          unlock: () => unlockFor(product, backup?.destination)(),
          sealKeys: () => sealKeysFor(product, backup?.destination)(),
          ...{ findPgTools: deps.findPgTools, now: deps.now },
        },
        run,
      )
    const outcome = ({ ok, id }: DrillReport) => ({ status: ok ? 'ok' : 'failed', backup: id }) as const
    const { folder } = context
    // Whoever has hooks is told which backup; else finding it is the first step of the drill.
    const facts = config.hooks === undefined ? { product } : { product, backup: (await find()).manifest.id }
    const report = await withHooks({ around: 'Drill', config, folder, facts, outcome, work }, run)
    if (!Object.hasOwn(config.destinations, report.destination)) return report
    await keepRecord(context, backup!.store, report.record, run)
    const records = await readRecords(backup!.store, { product, destination: report.destination }, run.signal)
    return { ...report, estimate: estimateRestore(records, report.record.databaseBytes) ?? null }
  }

  /** A name may say the product itself; an address only says it once its manifest is read. */
  async function productOfDrill(name: string, find: () => Promise<LocatedBackup>): Promise<string> {
    const [first] = name.split('/')
    if (first !== undefined && Object.hasOwn(resolved.products, first)) return first
    return (await find()).manifest.product
  }
}

/** @throws BackupError `secret-missing` */
function readAddress({ source: { url } }: ProductConfig): void {
  if (url !== 'provider') url.read()
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
