import { setTimeout as sleep } from 'node:timers/promises'
import { escapeIdentifier } from 'pg'
import type { RehearsalOptions, RehearsalResult } from '../api/provider.js'
import type { ProductConfig } from '../config/config-schema.js'
import type { SecretReference } from '../config/secret.js'
import type { Deps } from '../deps.js'
import { BackupError } from '../errors/backup-error.js'
import { emitterFor } from '../events/backup-event.js'
import { connect, databaseError } from '../postgres/connection.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import { resolveCriticalTables } from '../postgres/snapshot-counts.js'
import type { BackupProvider } from './backup-provider.js'
import { storeJournal } from './operation-journal.js'
import { rehearseRecovery } from './rehearse-recovery.js'
import { wrapProviderError } from './wrap-provider-error.js'

export interface RehearsalJob {
  readonly product: string
  readonly config: ProductConfig
  readonly deps: Deps
}

/**
 * Rehearses the provider's point-in-time recovery: into a new instance, its critical tables counted there, and the
 * instance removed again whatever happens.
 * @throws BackupError `provider-lacks`, `outside-window`, `tables-missing`, and what the recovery throws
 */
export async function runRehearsal(job: RehearsalJob, options: RehearsalOptions): Promise<RehearsalResult> {
  const { product, config, deps } = job
  const { signal } = options
  const { provider } = config
  const power = provider?.pointInTime
  if (provider === undefined || power === undefined)
    throw new BackupError('provider-lacks', `${product} has no provider that goes back to an instant`, {
      hint: 'rehearse with a dump: `lifeboat restore latest --create`',
    })
  const asked = <T>(doing: string, answer: Promise<T>) =>
    answer.catch((error: unknown) => {
      throw wrapProviderError(error, { provider, doing, signal })
    })
  const at = options.at ?? (await newestInstant(provider, asked, signal))
  const plan = await asked('plan the recovery', power.plan(at, { signal, rehearsal: true }))
  if (plan.cost !== null) emitterFor(options.onEvent)({ type: 'warning.raised', message: plan.cost })
  const [store] = Object.values(config.destinations).map(one => one.store)
  const journal = storeJournal(store!, product, 'rehearsal')
  const startedMs = deps.now().getTime()
  const run = { provider, journal, now: deps.now, sleep: (ms: number) => sleep(ms), leaseMs: deps.lockLeaseMs }
  const seen = await rehearseRecovery(
    run,
    plan,
    async (recovered, address) => ({
      instance: recovered.instance,
      recoveryMs: recovered.durationMs,
      notes: recovered.notes,
      tables: await countTables(address, config.verify.criticalTables, signal),
    }),
    options,
  )
  return { product, plan, ...seen, durationMs: deps.now().getTime() - startedMs }
}

/** A minute inside the end: the window moves while the plan is made. */
async function newestInstant(
  provider: BackupProvider,
  asked: <T>(doing: string, answer: Promise<T>) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<Date> {
  const window = await asked('read the recovery window', provider.pointInTime!.window({ signal }))
  if (window.latest !== null) return new Date(Date.parse(window.latest) - 60_000)
  throw new BackupError('outside-window', `${provider.name} has no recovery window: ${window.notes.join('; ')}`)
}

async function countTables(
  address: SecretReference,
  critical: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RehearsalResult['tables']> {
  const target = parseConnectionUrl(address.read())
  const client = await connect(target, signal)
  try {
    const { present, missing } = await resolveCriticalTables(client, critical)
    if (missing.length > 0)
      throw new BackupError('tables-missing', `the recovered instance lacks the critical table ${missing.join(', ')}`, {
        hint: 'take a later or an earlier instant, or correct verify.criticalTables',
      })
    const tables: { schema: string; name: string; rows: number }[] = []
    for (const { schema, name } of present) {
      const sql = `select count(*) as n from only ${escapeIdentifier(schema)}.${escapeIdentifier(name)}`
      const { rows } = await client.query<{ n: string }>(sql)
      tables.push({ schema, name, rows: Number(rows[0]!.n) })
    }
    return tables
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
}
