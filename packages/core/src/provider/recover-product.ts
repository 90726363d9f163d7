import { BackupError } from '../errors/backup-error.js'
import { emitterFor } from '../events/backup-event.js'
import type { ObjectStore } from '../store/object-store.js'
import type {
  BackupProvider,
  BackupSchedule,
  FollowOptions,
  ProviderBackup,
  Recovered,
  RecoveryPlan,
  RecoveryWindow,
  RestorePoint,
  RestorePoints,
} from './backup-provider.js'
import { type JournalRecord, type OperationJournal, storeJournal } from './operation-journal.js'
import { resumeRecovery, runRecovery } from './run-recovery.js'
import { wrapProviderError } from './wrap-provider-error.js'

/** A product whose provider is asked. */
export interface ProviderJob {
  readonly product: string
  readonly provider: BackupProvider | undefined
  /** Where the journal of a recovery may lie: the first that answers. */
  readonly stores: readonly ObjectStore[]
  readonly now: () => Date
}

/** What a provider has of its own. */
export interface ProviderListing {
  readonly product: string
  readonly provider: string
  readonly location: string
  /** Newest first. */
  readonly backups: readonly ProviderBackup[]
  /** Null where the provider does not go back to instants. */
  readonly window: RecoveryWindow | null
  /** When it makes backups by itself; null where it does not, or does not say. */
  readonly schedule: BackupSchedule | null
  /** The newest restore point; null where there is none. */
  readonly restorePoint: RestorePoint | null
}

/** What to recover to: an instant, or one of the provider's backups by its id. */
export type RecoveryGoal = { readonly at: Date } | { readonly backup: string }

/** @throws BackupError `provider-lacks` for a product without a provider, and what the provider throws */
export async function listProvider(job: ProviderJob, options: FollowOptions): Promise<ProviderListing> {
  const { product, signal, provider, ask } = opened(job, options)
  const backups = await ask('list its backups', async () => {
    const found: ProviderBackup[] = []
    for await (const backup of provider.list({ signal })) found.push(backup)
    return found
  })
  const { pointInTime } = provider
  const window = pointInTime ? await ask('ask for its recovery window', () => pointInTime.window({ signal })) : null
  backups.sort((a, b) => (b.createdAt ?? '').localeCompare(a.createdAt ?? ''))
  const { name, location } = provider
  const schedule = await besides('ask for its schedule', async () => provider.schedule?.({ signal }))
  const restorePoint = await besides('ask for restore points', async () =>
    provider.restorePoints?.find(undefined, { signal }),
  )
  return { product, provider: name, location, backups, window, schedule, restorePoint }

  /** What a listing shows besides: where the token may not ask for it, the rest is shown all the same. */
  async function besides<T>(doing: string, work: () => Promise<T | undefined>): Promise<T | null> {
    try {
      return (await ask(doing, work)) ?? null
    } catch (error) {
      signal?.throwIfAborted()
      const message = error instanceof Error ? error.message : String(error)
      emitterFor(options.onEvent)({ type: 'warning.raised', message })
      return null
    }
  }
}

/** Names the present moment. @throws BackupError `provider-lacks`, `config-invalid` */
export async function makeRestorePoint(job: ProviderJob, name: string, options: FollowOptions): Promise<RestorePoint> {
  const { ask } = opened(job, options)
  const points = restorePointsOf(job, options)
  return ask('make a restore point', () => points.create(name, options))
}

/** The restore point of that name, or the newest. @throws BackupError `provider-lacks`, `backup-missing` */
export async function findRestorePoint(
  job: ProviderJob,
  name: string | undefined,
  options: FollowOptions,
): Promise<RestorePoint> {
  const { ask, signal } = opened(job, options)
  const points = restorePointsOf(job, options)
  const found = await ask('look for restore points', () => points.find(name, { signal }))
  if (found !== undefined) return found
  throw new BackupError(
    'backup-missing',
    name === undefined
      ? `${job.product} has no restore point`
      : `${job.product} has no restore point ${JSON.stringify(name)}`,
    { hint: '`lifeboat pitr mark PRODUCT NAME` makes one' },
  )
}

function restorePointsOf(job: ProviderJob, options: FollowOptions): RestorePoints {
  const { provider } = opened(job, options)
  if (provider.restorePoints !== undefined) return provider.restorePoints
  throw new BackupError('provider-lacks', `${provider.name} (${provider.location}) has no restore points`, {
    hint: '`lifeboat backup PRODUCT --reason pre-deploy` keeps the present state',
  })
}

/** @throws BackupError `provider-lacks` */
export async function readWindow(job: ProviderJob, options: FollowOptions): Promise<RecoveryWindow> {
  const { signal, ask, power } = opened(job, options)
  const pointInTime = power('pointInTime', 'go back to an instant')
  return ask('ask for its recovery window', () => pointInTime.window({ signal }))
}

/** Decides what a recovery would do; sends nothing. @throws BackupError `provider-lacks`, `outside-window`, `backup-missing` */
export async function planProductRecovery(
  job: ProviderJob,
  goal: RecoveryGoal,
  options: FollowOptions,
): Promise<RecoveryPlan> {
  const { signal, ask, power } = opened(job, options)
  try {
    if ('at' in goal) {
      const pointInTime = power('pointInTime', 'go back to an instant')
      return await ask('plan the recovery', () => pointInTime.plan(goal.at, { signal }))
    }
    const restoring = power('restoring', 'restore its backups')
    return await ask('plan the restore', () => restoring.plan(goal.backup, { signal }))
  } catch (error) {
    // What stands in the way is most likely a recovery of ours.
    if (error instanceof BackupError && error.code === 'provider-conflict') await refuseSecond(job, options)
    throw error
  }
}

/** @throws BackupError `locked` where a recovery of the product is under way */
async function refuseSecond(job: ProviderJob, options: FollowOptions): Promise<void> {
  const { journal, record } = await findJournal(job, options)
  if (record === undefined) return
  throw new BackupError('locked', `another recovery of ${job.product} is under way (${journal.location})`, {
    hint: '`lifeboat pitr restore PRODUCT --resume` follows it to its end',
  })
}

/** Sends a plan once and follows it to its end. */
export async function recoverProduct(job: ProviderJob, plan: RecoveryPlan, options: FollowOptions): Promise<Recovered> {
  const { provider } = opened(job, options)
  const { journal } = await findJournal(job, options)
  return runRecovery({ provider, journal, now: job.now }, plan, options)
}

/** Follows the recovery that an earlier run began; undefined when there is none. */
export async function resumeProductRecovery(job: ProviderJob, options: FollowOptions): Promise<Recovered | undefined> {
  const { provider } = opened(job, options)
  const { journal } = await findJournal(job, options)
  return resumeRecovery({ provider, journal, now: job.now }, options)
}

/** Removes the note of a recovery, wherever it lies, readable or not. True when there was one. */
export async function forgetProductRecovery(job: ProviderJob, options: FollowOptions): Promise<boolean> {
  let found = false
  for (const store of job.stores) {
    const journal = storeJournal(store, job.product)
    const record = await journal.read(options.signal).catch((error: unknown) => {
      if (error instanceof BackupError && error.code === 'recovery-uncertain') return 'unreadable' as const
      throw error
    })
    if (record === undefined) continue
    await journal.close(options.signal)
    found = true
  }
  return found
}

/**
 * The journal that holds a note, else that of the first store that answers. A store that does not answer could hold a
 * note, too: that is said, and does not stand in the way of a recovery.
 */
async function findJournal(
  { product, stores }: ProviderJob,
  { signal, onEvent }: FollowOptions,
): Promise<{ readonly journal: OperationJournal; readonly record: JournalRecord | undefined }> {
  const answering: OperationJournal[] = []
  let failure: unknown
  for (const store of stores) {
    const journal = storeJournal(store, product)
    try {
      const record = await journal.read(signal)
      if (record !== undefined) return { journal, record }
      answering.push(journal)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof BackupError && error.code === 'recovery-uncertain') throw error
      failure ??= error
      const message = error instanceof Error ? error.message : String(error)
      emitterFor(onEvent)({ type: 'warning.raised', message: `no look at the journal of recoveries there: ${message}` })
    }
  }
  const [journal] = answering
  if (journal !== undefined) return { journal, record: undefined }
  throw failure
}

function opened({ product, provider }: ProviderJob, { signal }: FollowOptions) {
  if (provider === undefined) {
    throw new BackupError('provider-lacks', `${product} has no provider in the configuration`, {
      hint: 'name it: provider: supabase({ … }) or render({ … }); docs/configuration.md shows how',
    })
  }
  return {
    product,
    provider,
    signal,
    power<P extends 'pointInTime' | 'restoring'>(name: P, what: string): NonNullable<BackupProvider[P]> {
      const found = provider[name]
      if (found !== undefined) return found
      throw new BackupError('provider-lacks', `${provider.name} (${provider.location}) cannot ${what}`, {
        hint: '`lifeboat timeline PRODUCT` shows what can be recovered from where',
      })
    },
    async ask<T>(doing: string, work: () => Promise<T>): Promise<T> {
      try {
        return await work()
      } catch (error) {
        throw wrapProviderError(error, { provider, doing, signal })
      }
    },
  }
}
