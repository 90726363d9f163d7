import { setTimeout as sleep } from 'node:timers/promises'
import type { DoctorCheck } from '../api/doctor.js'
import type { RunOptions } from '../api/run-options.js'
import type { SecretReference } from '../config/secret.js'
import { type BackupError, isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { manualPauses, type PauseWork, resumeAbandoned } from '../maintenance/pause-services.js'
import { type ConnectionTarget, parseConnectionUrl } from '../postgres/connection-target.js'
import type { BackupProvider } from '../provider/backup-provider.js'
import { storeJournal } from '../provider/operation-journal.js'
import { endRehearsal } from '../provider/rehearse-recovery.js'
import { wrapProviderError } from '../provider/wrap-provider-error.js'
import type { DoctorJob } from './run-doctor.js'

/**
 * Asks the provider how it is, and puts right what dead runs left there: services that a restore paused, an instance
 * that a rehearsal made. That is the one thing `doctor` changes.
 */
export async function checkProvider(job: DoctorJob, options: RunOptions): Promise<DoctorCheck[]> {
  const { product, config, deps } = job
  const { provider } = config
  if (provider === undefined) return []
  const { signal } = options
  const checks: DoctorCheck[] = []
  const say = (ok: boolean, message: string, hint: string | null) =>
    void checks.push({ product, area: 'provider', ok, message, hint })
  const attempt = async (doing: string, work: () => Promise<void>) => {
    throwIfCancelled(signal)
    try {
      await work()
    } catch (error) {
      throwIfCancelled(signal)
      const known = knownError(error, provider, doing)
      say(false, known.message, known.hint ?? null)
    }
  }
  await attempt('check it', async () => {
    const findings = (await provider.checking?.check({ signal, rpoMs: config.objectives.rpo })) ?? []
    for (const { severity, message, hint } of findings) say(severity !== 'critical', message, hint)
    if (findings.length === 0) say(true, `${provider.name}, ${provider.location}`, null)
  })
  await attempt('look at the address of the source', async () => {
    const { url } = config.source
    if (url === 'provider' || provider.connecting?.judge === undefined) return
    const { host, port, user } = addressOf(url) ?? {}
    // An address that is not at hand, or is none, is what the line about the connection says.
    if (host === undefined || port === undefined || user === undefined) return
    for (const { severity, message, hint } of await provider.connecting.judge({ host, port, user }, { signal }))
      say(severity !== 'critical', message, hint)
  })
  const stores = Object.values(config.destinations).map(one => one.store)
  const work: PauseWork = { product, provider, stores, now: deps.now, leaseMs: deps.lockLeaseMs }
  if (provider.maintenance !== undefined)
    await attempt('look for paused services', async () => {
      for (const { note, error } of await resumeAbandoned(work, options)) {
        const names = note.services.map(one => one.name).join(', ')
        if (error === undefined)
          say(true, `resumed ${names}: a restore of ${note.at} (${note.holder}) died and left it paused`, null)
        else say(false, error.message, error.hint ?? null)
      }
      for (const { services, at, holder } of await manualPauses(work, signal))
        say(
          true,
          `${services.map(one => one.name).join(', ')} is paused since ${at} (${holder})`,
          `\`lifeboat resume ${product}\` ends it`,
        )
    })
  if (provider.recovered !== undefined)
    await attempt('look for rehearsals that died', async () => {
      for (const store of stores) {
        const journal = storeJournal(store, product, 'rehearsal')
        const run = { provider, journal, now: deps.now, sleep: (ms: number) => sleep(ms) }
        const removed = await endRehearsal(run, options)
        if (removed !== undefined) say(true, `removed ${removed}, which a rehearsal that died had made`, null)
      }
    })
  return checks
}

function addressOf(url: SecretReference): ConnectionTarget | undefined {
  try {
    return parseConnectionUrl(url.read())
  } catch (error) {
    if (isBackupError(error)) return undefined
    throw error
  }
}

function knownError(error: unknown, provider: BackupProvider, doing: string): BackupError {
  return isBackupError(error) ? error : wrapProviderError(error, { provider, doing })
}
