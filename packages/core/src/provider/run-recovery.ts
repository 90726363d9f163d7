import { BackupError } from '../errors/backup-error.js'
import { emitterFor } from '../events/backup-event.js'
import type {
  BackupProvider,
  FollowOptions,
  ProviderOperation,
  Recovered,
  Recovering,
  RecoveryPlan,
} from './backup-provider.js'
import type { JournalRecord, OperationJournal } from './operation-journal.js'
import { refusedCodes, wrapProviderError } from './wrap-provider-error.js'

export interface RecoveryRun {
  readonly provider: BackupProvider
  readonly journal: OperationJournal
  readonly now: () => Date
}

/**
 * Begins what was planned, exactly once, and follows it to its end. The journal is written before the provider hears of
 * it and removed at its end, so a process that is stopped at any moment is taken up by {@link resumeRecovery}.
 * @throws BackupError `locked`, `recovery-failed`, `recovery-uncertain`, `timed-out`, and what the provider throws
 */
export async function runRecovery(
  run: RecoveryRun,
  plan: RecoveryPlan,
  options: FollowOptions = {},
): Promise<Recovered> {
  const { provider, journal } = run
  const { signal } = options
  const power = powerFor(provider, plan)
  const at = run.now().toISOString()
  await journal.open({ phase: 'beginning', plan, at }, signal)
  let operation: Awaited<ReturnType<Recovering['begin']>>
  try {
    operation = await power.begin(plan, { signal })
  } catch (error) {
    const wrapped = wrapProviderError(error, { provider, doing: 'begin the recovery', signal })
    if (refusedCodes.has(wrapped.code)) {
      await journal.close()
      throw wrapped
    }
    throw new BackupError(wrapped.code, `${wrapped.message}; whether the recovery began is not known`, {
      cause: wrapped,
      hint: '`lifeboat pitr restore PRODUCT --resume` looks, and begins nothing anew',
    })
  }
  // Not with the signal: that it began must be written down also by a run that was just cancelled.
  await journal.update({ phase: 'running', operation })
  return follow(run, power, { phase: 'running', operation }, options)
}

/**
 * Takes up what the journal says is under way; undefined when there is nothing. Never begins anything.
 * @throws BackupError `recovery-uncertain` when nothing shows whether it began
 */
export async function resumeRecovery(run: RecoveryRun, options: FollowOptions = {}): Promise<Recovered | undefined> {
  const { provider, journal } = run
  const { signal } = options
  const record = await journal.read(signal)
  if (record === undefined) return undefined
  const plan = record.phase === 'running' ? record.operation.plan : record.plan
  if (plan.provider !== provider.name)
    throw new BackupError(
      'config-invalid',
      `the recovery under way is one of ${plan.provider}, not of ${provider.name}`,
    )
  const power = powerFor(provider, plan)
  if (record.phase === 'running') return follow(run, power, record, options)
  let operation: Awaited<ReturnType<Recovering['rejoin']>>
  try {
    operation = await power.rejoin(plan, new Date(record.at), { signal })
  } catch (error) {
    throw wrapProviderError(error, { provider, doing: 'look for the recovery', signal })
  }
  if (operation === undefined) {
    throw new BackupError(
      'recovery-uncertain',
      `a recovery of ${plan.target} to ${plan.to} was sent at ${record.at}, and nothing shows whether it began`,
      {
        hint: 'see whether the data is that of the instant; `lifeboat pitr forget PRODUCT` removes the note, after which it can be sent again',
      },
    )
  }
  await journal.update({ phase: 'running', operation }, signal)
  return follow(run, power, { phase: 'running', operation }, options)
}

async function follow(
  { provider, journal }: RecoveryRun,
  power: Recovering,
  begun: JournalRecord & { phase: 'running' },
  options: FollowOptions,
): Promise<Recovered> {
  const emit = emitterFor(options.onEvent)
  const record = async (operation: ProviderOperation) => {
    try {
      await journal.update({ phase: 'running', operation })
    } catch (error) {
      // The recovery goes on; only what a later process would know of it is less.
      const { message } = wrapProviderError(error, { provider, doing: 'write the journal' })
      emit({ type: 'warning.raised', message })
    }
  }
  let recovered: Recovered
  try {
    recovered = await power.follow(begun.operation, {
      ...options,
      record,
    })
  } catch (error) {
    const wrapped = wrapProviderError(error, { provider, doing: 'follow the recovery', signal: options.signal })
    // A recovery that failed is over; whatever else happened, it may still run.
    if (wrapped.code === 'recovery-failed') await journal.close()
    if (wrapped.code !== 'cancelled') throw wrapped
    throw new BackupError('cancelled', `cancelled; the recovery goes on at ${provider.name}`, {
      cause: wrapped,
      hint: '`lifeboat pitr restore PRODUCT --resume` follows it to its end',
    })
  }
  await journal.close()
  return recovered
}

function powerFor(provider: BackupProvider, plan: RecoveryPlan): Recovering {
  const power = plan.kind === 'instant' ? provider.pointInTime : provider.restoring
  if (power !== undefined) return power
  const what = plan.kind === 'instant' ? 'go back to an instant' : 'restore its backups'
  throw new BackupError('provider-lacks', `${provider.name} (${provider.location}) cannot ${what}`)
}
