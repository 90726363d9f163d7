import type { RunOptions } from '../api/run-options.js'
import type { Deps } from '../deps.js'
import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { type EventListener, emitterFor } from '../events/backup-event.js'
import { type LocatedBackup, locateArtifact } from '../repository/locate-artifact.js'
import type { ArchiveState } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { noRetrieval } from './no-retrieval.js'
import { planRetrieval } from './plan-retrieval.js'

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

/** An artifact that lies in an archive, readable at the moment or not. */
interface LookedAt {
  readonly key: string
  readonly storageClass: string
  readonly archive: ArchiveState
}

/** Which artifacts of a backup lie in an archive and must be retrieved first. Asks for nothing. */
export async function findArchived(
  backup: LocatedBackup,
  signal: AbortSignal | undefined,
): Promise<readonly ArchivedArtifact[]> {
  return unreadable(await lookAt(backup, signal))
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
  const looked = await lookAt(backup, signal)
  const archived = unreadable(looked)
  if (retrieval === undefined) {
    if (archived.length > 0) throw mustBeRetrieved(archived)
    return
  }
  const emit = emitterFor(options.onEvent)
  const startedMs = deps.now().getTime()
  const untilMs = startedMs + (retrieval.waitMs ?? 0)
  let expectedMs: number | undefined
  for (const one of looked) {
    const step = planRetrieval(one.archive, retrieval, deps.now())
    if (step !== 'ask' && (step !== 'renew' || backup.store.retrieve === undefined)) continue
    const asked = await askFor(backup, one, retrieval, emit, signal)
    if (step === 'ask' && asked !== undefined) expectedMs = Math.max(expectedMs ?? 0, asked)
  }
  if (archived.length === 0) return
  for (;;) {
    const left = untilMs - deps.now().getTime()
    if (left <= 0) break
    await deps.sleep(Math.min(pollMs, left), signal)
    throwIfCancelled(signal)
    const still = await lookAt(backup, signal)
    if (unreadable(still).length === 0) {
      emit({ type: 'step.finished', step: 'retrieve from the archive', durationMs: deps.now().getTime() - startedMs })
      return
    }
    // A copy that came and went while others were waited for, or a request that the service lost.
    for (const one of still) if (one.archive.state === 'archived') await askFor(backup, one, retrieval, emit, signal)
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

/** How long it mostly takes, in ms; undefined where the service does not say. */
async function askFor(
  { store, destination }: LocatedBackup,
  { key, archive }: LookedAt,
  { tier = 'standard', days = 3 }: Retrieval,
  emit: EventListener,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  if (store.retrieve === undefined) throw noRetrieval(store)
  try {
    const { expectedMs } = await store.retrieve(key, { days, tier, signal })
    if (archive.state === 'archived') emit({ type: 'retrieval.requested', destination, key, tier })
    return expectedMs
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `ask for ${key}`, signal })
  }
}

async function lookAt(backup: LocatedBackup, signal: AbortSignal | undefined): Promise<readonly LookedAt[]> {
  const { store, manifest } = backup
  const found: LookedAt[] = []
  for (const artifact of manifest.artifacts) {
    const key = locateArtifact(backup, artifact)
    const stored = await store.head(key, { signal }).catch((error: unknown) => {
      throw wrapStoreError(error, { store, doing: `look at ${key}`, signal })
    })
    if (stored?.archive === undefined) continue
    found.push({ key, storageClass: stored.storageClass ?? 'an archive', archive: stored.archive })
  }
  return found
}

function unreadable(looked: readonly LookedAt[]): readonly ArchivedArtifact[] {
  return looked.flatMap(({ key, storageClass, archive: { state } }) =>
    state === 'readable' ? [] : [{ key, storageClass, state }],
  )
}
