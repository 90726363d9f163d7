import type { SecretReference } from '../config/secret.js'
import { BackupError } from '../errors/backup-error.js'
import { emitterFor } from '../events/backup-event.js'
import type {
  BackupProvider,
  FollowOptions,
  PointInTime,
  ProviderOperation,
  Recovered,
  RecoveredInstances,
  RecoveryPlan,
} from './backup-provider.js'
import type { JournalRecord, OperationJournal } from './operation-journal.js'
import { refusedCodes, wrapProviderError } from './wrap-provider-error.js'

/** What a rehearsal needs: a journal of its own, so that a process that dies leaves word of what it made. */
export interface RehearsalRun {
  readonly provider: BackupProvider
  readonly journal: OperationJournal
  readonly now: () => Date
  readonly sleep: (ms: number) => Promise<void>
  /** How long the process may be silent before {@link endRehearsal} takes it for dead. Default: 10 minutes. */
  readonly leaseMs?: number | undefined
}

/** A provider that recovers into a new instance and can remove it again. */
interface Able {
  readonly power: PointInTime
  readonly recovered: RecoveredInstances
}

/** How often, and how long, a begin that got no clear answer is looked for before the journal keeps it. */
const looks = 12
const lookEveryMs = 5_000

/**
 * Recovers into a new instance, lets `work` use it, and removes it again whatever happens: also when the recovery or the
 * work fails, or the run is cancelled. The journal is written before the provider hears of anything and is closed only
 * once the instance is gone, so {@link endRehearsal} can remove what a dead process left.
 * @throws BackupError `provider-lacks`, `locked`, `recovery-uncertain`, what the work throws, and what the provider throws
 */
export async function rehearseRecovery<T>(
  run: RehearsalRun,
  plan: RecoveryPlan,
  work: (recovered: Recovered, address: SecretReference, signal: AbortSignal | undefined) => Promise<T>,
  options: FollowOptions = {},
): Promise<T> {
  const { provider } = run
  const { signal } = options
  const able = ableTo(provider)
  if (plan.place !== 'new-instance')
    throw new BackupError('provider-lacks', `${provider.name} recovers in place: that is no rehearsal`, {
      hint: 'rehearse with a dump: `lifeboat restore latest --create`',
    })
  const at = run.now()
  const note = keptAlive(run)
  await note.open({ phase: 'beginning', plan, at: at.toISOString() }, signal)
  const operation = await beginOnce({ ...run, journal: note }, able.power, plan, at, signal).catch(
    async (error: unknown) => {
      await note.stop()
      throw error
    },
  )
  let failure: { readonly error: unknown } | undefined
  try {
    await note.update({ phase: 'running', operation })
    const recovered = await able.power.follow(operation, options)
    return await work(recovered, await able.recovered.connect(operation, { signal }), signal)
  } catch (error) {
    failure = { error: wrapProviderError(error, { provider, doing: 'rehearse the recovery', signal }) }
    throw failure.error
  } finally {
    await discard({ ...run, journal: note }, able, operation, options, failure?.error).finally(note.stop)
  }
}

/**
 * Removes what a rehearsal that died left at the provider. Returns the id of the instance, `nothing` where it never came
 * to one, or undefined where there is no rehearsal or its process is alive.
 * @throws BackupError `recovery-uncertain` where the provider may still show it later
 */
export async function endRehearsal(run: RehearsalRun, options: FollowOptions = {}): Promise<string | undefined> {
  const { provider, journal } = run
  const { signal } = options
  const record = await journal.read(signal)
  if (record === undefined || (record.aliveUntil ?? '') > run.now().toISOString()) return undefined
  const able = ableTo(provider)
  let operation: ProviderOperation | undefined
  if (record.phase === 'running') operation = record.operation
  else operation = await lookFor(run, able.power, record.plan, new Date(record.at), signal)
  if (operation === undefined) {
    // Longer than any provider takes to list what it has begun: it never began.
    if (record.phase === 'beginning' && run.now().getTime() - Date.parse(record.at) < 3_600_000)
      throw uncertain(record.plan)
    await journal.close()
    return 'nothing'
  }
  await journal.update({ phase: 'running', operation })
  await discard(run, able, operation, options, undefined)
  return String(operation.details.instanceId ?? operation.plan.target)
}

/** A journal whose record says every quarter of a lease that its process is alive, until it is closed or stopped. */
function keptAlive(run: RehearsalRun): OperationJournal & { stop(): Promise<void> } {
  const { journal } = run
  const leaseMs = run.leaseMs ?? 600_000
  let current: JournalRecord | undefined
  let writing: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const alive = (record: JournalRecord) => ({
    ...record,
    aliveUntil: new Date(run.now().getTime() + leaseMs).toISOString(),
  })
  const stop = async () => {
    clearInterval(timer)
    await writing
  }
  return {
    ...journal,
    async open(record, signal) {
      current = record
      await journal.open(alive(record), signal)
      timer = setInterval(() => {
        // A store that is silent for a while costs the proof of life, not the rehearsal.
        writing = writing.then(() => journal.update(alive(current!))).catch(() => {})
      }, leaseMs / 4)
      timer.unref()
    },
    async update(record, signal) {
      current = record
      await writing
      await journal.update(alive(record), signal)
    },
    async close(signal) {
      await stop()
      await journal.close(signal)
    },
    stop,
  }
}

async function beginOnce(
  run: RehearsalRun,
  power: PointInTime,
  plan: RecoveryPlan,
  at: Date,
  signal: AbortSignal | undefined,
): Promise<ProviderOperation> {
  try {
    return await power.begin(plan, { signal })
  } catch (error) {
    const wrapped = wrapProviderError(error, { provider: run.provider, doing: 'begin the recovery', signal })
    if (refusedCodes.has(wrapped.code)) {
      await run.journal.close()
      throw wrapped
    }
    // It may have begun all the same, also in a run that was just cancelled: what it made must not be lost.
    const found = await lookFor(run, power, plan, at, undefined).catch(() => undefined)
    if (found !== undefined && !signal?.aborted) return found
    if (found === undefined) throw new BackupError(wrapped.code, wrapped.message, { cause: wrapped, hint: left(run) })
    await run.journal.update({ phase: 'running', operation: found })
    await discard(run, ableTo(run.provider), found, {}, wrapped)
    throw wrapped
  }
}

async function lookFor(
  run: RehearsalRun,
  power: PointInTime,
  plan: RecoveryPlan,
  at: Date,
  signal: AbortSignal | undefined,
): Promise<ProviderOperation | undefined> {
  for (let look = 1; ; look++) {
    const found = await power.rejoin(plan, at, { signal })
    if (found !== undefined || look === looks) return found
    await run.sleep(lookEveryMs)
  }
}

/** Not with the signal: a run that was cancelled must not leave an instance that is billed. */
async function discard(
  run: RehearsalRun,
  { recovered }: Able,
  operation: ProviderOperation,
  options: FollowOptions,
  failure: unknown,
): Promise<void> {
  try {
    await recovered.discard(operation)
    await run.journal.close()
  } catch (error) {
    const { provider } = run
    const wrapped = wrapProviderError(error, { provider, doing: 'remove what the rehearsal made' })
    // The failure that led here is the one to report; that something is left is said beside it.
    if (failure !== undefined)
      emitterFor(options.onEvent)({ type: 'warning.raised', message: `${wrapped.message}; ${left(run)}` })
    else throw new BackupError(wrapped.code, wrapped.message, { cause: wrapped, hint: left(run) })
  }
}

function left({ journal }: RehearsalRun): string {
  return `\`lifeboat doctor\` removes it; the note is ${journal.location}`
}

function uncertain(plan: RecoveryPlan): BackupError {
  return new BackupError(
    'recovery-uncertain',
    `a rehearsal of ${plan.target} was sent, and nothing shows yet whether it began`,
    { hint: 'run `lifeboat doctor` again in an hour: it removes what shows up' },
  )
}

function ableTo(provider: BackupProvider): Able {
  const { pointInTime: power, recovered } = provider
  if (power !== undefined && recovered !== undefined) return { power, recovered }
  throw new BackupError(
    'provider-lacks',
    `${provider.name} (${provider.location}) cannot recover into a new instance`,
    {
      hint: 'rehearse with a dump: `lifeboat restore latest --create`',
    },
  )
}
