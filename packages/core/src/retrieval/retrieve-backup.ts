import type { RunOptions } from '../api/run-options.js'
import type { Deps } from '../deps.js'
import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { type EventListener, emitterFor } from '../events/backup-event.js'
import { type LocatedBackup, locateArtifact } from '../repository/locate-artifact.js'
import type { StoredObject } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { noRetrieval } from './no-retrieval.js'

/** How an archived backup is brought back before it is read. */
export interface Retrieval {
  /** How quick, and how dear. Default: `standard`. */
  readonly tier?: 'expedited' | 'standard' | 'bulk' | undefined
  /** For how many days the copies shall be there. Default: 3. */
  readonly days?: number | undefined
  /** How long to wait for them. Default: not at all; the error says when to come back. */
  readonly waitMs?: number | undefined
}

/** An artifact that cannot be read now. */
export interface ArchivedArtifact {
  readonly key: string
  readonly storageClass: string
  readonly state: 'archived' | 'retrieving'
}

/** How often a retrieval that takes hours is looked at. */
const pollMs = 60_000

/** Which artifacts of a backup lie in an archive and must be retrieved first. Asks for nothing. */
export async function findArchived(
  backup: LocatedBackup,
  signal: AbortSignal | undefined,
): Promise<readonly ArchivedArtifact[]> {
  const { store, manifest } = backup
  const found: ArchivedArtifact[] = []
  for (const artifact of manifest.artifacts) {
    const key = locateArtifact(backup, artifact)
    const stored = await store.head(key, { signal }).catch((error: unknown) => {
      throw wrapStoreError(error, { store, doing: `look at ${key}`, signal })
    })
    const state = stateOf(stored)
    if (state !== undefined) found.push({ key, storageClass: stored?.storageClass ?? 'an archive', state })
  }
  return found
}

/**
 * Makes an archived backup readable: asks for it, and waits as long as `retrieval` says. A backup that can be read, which
 * is nearly every one, costs a look at each artifact.
 * @throws BackupError `object-archived` when it cannot be read (yet); the hint says what to do, and when to come back
 */
export async function retrieveBackup(
  backup: LocatedBackup,
  retrieval: Retrieval | undefined,
  deps: Pick<Deps, 'now' | 'sleep'>,
  options: RunOptions,
): Promise<void> {
  const { signal } = options
  const archived = await findArchived(backup, signal)
  if (archived.length === 0) return
  if (retrieval === undefined) throw mustBeRetrieved(archived)
  const emit = emitterFor(options.onEvent)
  const { expectedMs } = await askFor(backup, archived, retrieval, emit, signal)
  const startedMs = deps.now().getTime()
  const untilMs = startedMs + (retrieval.waitMs ?? 0)
  for (;;) {
    const left = untilMs - deps.now().getTime()
    if (left <= 0) break
    await deps.sleep(Math.min(pollMs, left), signal)
    throwIfCancelled(signal)
    if ((await findArchived(backup, signal)).length > 0) continue
    emit({ type: 'step.finished', step: 'retrieve from the archive', durationMs: deps.now().getTime() - startedMs })
    return
  }
  throw underWay(archived, expectedMs, new Date(startedMs))
}

/** What stands against reading archived artifacts, where nobody has asked for them. */
export function mustBeRetrieved(archived: readonly ArchivedArtifact[]): BackupError {
  const waiting = archived.some(one => one.state === 'archived')
  const [first] = archived as [ArchivedArtifact]
  if (!waiting) return underWay(archived, undefined, undefined)
  return new BackupError(
    'object-archived',
    `${first.key} lies in ${first.storageClass}, and must be retrieved before it can be read`,
    { hint: '`--retrieve` asks the service for it, which costs money and takes hours; `--wait 12h` waits for it' },
  )
}

function underWay(
  archived: readonly ArchivedArtifact[],
  expectedMs: number | undefined,
  asked: Date | undefined,
): BackupError {
  const [first] = archived as [ArchivedArtifact]
  const when =
    expectedMs === undefined || asked === undefined
      ? 'in some hours'
      : `after ${new Date(asked.getTime() + expectedMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  return new BackupError('object-archived', `${first.key} is being retrieved from ${first.storageClass}`, {
    hint: `come back ${when} and run the same again; \`--retrieve --wait 12h\` waits for it`,
  })
}

async function askFor(
  backup: LocatedBackup,
  archived: readonly ArchivedArtifact[],
  { tier = 'standard', days = 3 }: Retrieval,
  emit: EventListener,
  signal: AbortSignal | undefined,
): Promise<{ readonly expectedMs: number | undefined }> {
  const { store } = backup
  if (store.retrieve === undefined) throw noRetrieval(store)
  let expectedMs: number | undefined
  for (const { key, state } of archived) {
    try {
      const asked = await store.retrieve(key, { days, tier, signal })
      if (asked.expectedMs !== undefined) expectedMs = Math.max(expectedMs ?? 0, asked.expectedMs)
    } catch (error) {
      throw wrapStoreError(error, { store, doing: `ask for ${key}`, signal })
    }
    if (state === 'archived') emit({ type: 'retrieval.requested', destination: backup.destination, key, tier })
  }
  return { expectedMs }
}

function stateOf(stored: StoredObject | undefined): ArchivedArtifact['state'] | undefined {
  const state = stored?.archive?.state
  return state === 'archived' || state === 'retrieving' ? state : undefined
}
