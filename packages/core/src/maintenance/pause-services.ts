import { BackupError, isBackupError } from '../errors/backup-error.js'
import { type EventListener, emitterFor } from '../events/backup-event.js'
import { holderName } from '../locks/hold-locks.js'
import type { BackupProvider, Maintenance, WritingService } from '../provider/backup-provider.js'
import { wrapProviderError } from '../provider/wrap-provider-error.js'
import type { ObjectStore } from '../store/object-store.js'
import {
  type FoundPauseNote,
  type PauseNote,
  putNote,
  readPauseNotes,
  removeNote,
  writePauseNote,
} from './pause-journal.js'

/** Whose services, and where the notes lie. */
export interface PauseWork {
  readonly product: string
  readonly provider: BackupProvider | undefined
  /** The stores of the product's destinations, in configured order. */
  readonly stores: readonly ObjectStore[]
  readonly now: () => Date
  /** How long a process may be silent before others take it for dead, in ms. */
  readonly leaseMs: number
}

export interface PauseOptions {
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: EventListener | undefined
}

/** What became of the services. */
export interface PauseResult {
  /** Paused (or resumed) by this call. */
  readonly changed: readonly WritingService[]
  /** Those that were left as they were, and why. */
  readonly left: readonly (WritingService & { readonly why: string })[]
}

/**
 * Pauses what writes, runs `work`, and resumes what it paused whatever happens. The note of what to resume is written
 * before anything is paused, and removed only once everything runs again: {@link resumeAbandoned} finds it otherwise.
 * @param adopt notes of dead processes: their services stay paused during the work and are resumed at its end
 */
export async function withServicesPaused<T>(
  work: PauseWork,
  run: (signal: AbortSignal | undefined) => Promise<T>,
  options: PauseOptions & { readonly adopt?: boolean | undefined } = {},
): Promise<T> {
  const { signal } = options
  const maintenance = maintenanceOf(work)
  const adopted = options.adopt ? await abandonedNotes(work, signal) : []
  const adopting = await keepAlive(work, adopted)
  const note = await pauseRunning(work, maintenance, 'restore', options).catch(async (error: unknown) => {
    await adopting.stop()
    throw error
  })
  const notes = note === undefined ? adopted : [note, ...adopted]
  const alive = await keepAlive(work, note === undefined ? [] : [note])
  const restore = async () => {
    await Promise.all([alive.stop(), adopting.stop()])
    return resumeNotes(work, maintenance, notes, options)
  }
  let result: T
  try {
    result = await run(signal)
  } catch (error) {
    // The failure that led here is the one to report; what stays paused was said as a warning, and `doctor` resumes it.
    await restore()
    throw error
  }
  const stuck = await restore()
  if (stuck !== undefined) throw stuck
  return result
}

/** Pauses what writes until somebody resumes it. */
export async function pauseServices(work: PauseWork, options: PauseOptions = {}): Promise<PauseResult> {
  const maintenance = maintenanceOf(work)
  const before = await servicesOf(work, maintenance, options.signal)
  const note = await pauseRunning(work, maintenance, 'manual', options)
  const paused = new Set(note?.note.services.map(one => one.id))
  return {
    changed: before.filter(one => paused.has(one.id)).map(one => ({ ...one, state: 'paused' })),
    left: before
      .filter(one => !paused.has(one.id))
      .map(one => ({ ...one, why: one.state === 'paused' ? 'it was paused already' : `it is ${one.state}` })),
  }
}

/**
 * Resumes every service of the product that is paused, whoever paused it, and removes the notes.
 * @throws BackupError `locked` while a restore that paused them is under way
 */
export async function resumeServices(work: PauseWork, options: PauseOptions = {}): Promise<PauseResult> {
  const { signal } = options
  const maintenance = maintenanceOf(work)
  const notes = await notesOf(work, signal)
  const live = notes.find(({ note }) => isAlive(note, work.now()))
  if (live !== undefined)
    throw new BackupError('locked', `a restore of ${work.product} is under way (${live.note.holder})`, {
      hint: `wait for its end; one that died is let go at ${live.note.aliveUntil}`,
    })
  const changed: WritingService[] = []
  const left: (WritingService & { why: string })[] = []
  for (const service of await servicesOf(work, maintenance, signal)) {
    if (service.state === 'running') left.push({ ...service, why: 'it runs already' })
    else if (service.state === 'held') left.push({ ...service, why: 'something else than a user suspended it' })
    else {
      await resumeOne(work, maintenance, service.id, options)
      changed.push({ ...service, state: 'running' })
    }
  }
  for (const note of notes) await removeNote(note)
  return { changed, left }
}

/** What {@link resumeAbandoned} found and did. */
export interface Abandoned {
  readonly note: PauseNote
  /** Undefined where its services run again. */
  readonly error: BackupError | undefined
}

/** Resumes the services that dead restores left paused. Notes of live ones, and of people, are left alone. */
export async function resumeAbandoned(work: PauseWork, options: PauseOptions = {}): Promise<readonly Abandoned[]> {
  const { maintenance } = work.provider ?? {}
  if (maintenance === undefined) return []
  const results: Abandoned[] = []
  for (const found of await abandonedNotes(work, options.signal))
    results.push({ note: found.note, error: await resumeNotes(work, maintenance, [found], options) })
  return results
}

/** What people paused and nobody resumed yet. */
export async function manualPauses(work: PauseWork, signal?: AbortSignal): Promise<readonly PauseNote[]> {
  return (await notesOf(work, signal)).map(one => one.note).filter(note => note.purpose === 'manual')
}

async function pauseRunning(
  work: PauseWork,
  maintenance: Maintenance,
  purpose: PauseNote['purpose'],
  options: PauseOptions,
): Promise<FoundPauseNote | undefined> {
  const { signal } = options
  const running = (await servicesOf(work, maintenance, signal)).filter(one => one.state === 'running')
  if (running.length === 0) return undefined
  const aliveUntil = purpose === 'restore' ? leaseFrom(work) : null
  const fields = {
    ...{ provider: work.provider!.name, purpose, holder: holderName(), at: work.now().toISOString(), aliveUntil },
    services: running.map(({ id, name }) => ({ id, name })),
  }
  const note = await writePauseNote(work.stores, work.product, fields, signal)
  const alive = await keepAlive(work, purpose === 'restore' ? [note] : [])
  try {
    for (const { id } of running) await maintenance.pause(id, options)
    await alive.stop()
    return note
  } catch (error) {
    await alive.stop()
    const wrapped = wrapProviderError(error, { provider: work.provider!, doing: 'pause the services', signal })
    await resumeNotes(work, maintenance, [note], options)
    throw wrapped
  }
}

/** Resumes what notes name. Not with the signal: a run that was cancelled must not leave a service paused. */
async function resumeNotes(
  work: PauseWork,
  maintenance: Maintenance,
  notes: readonly FoundPauseNote[],
  options: PauseOptions,
): Promise<BackupError | undefined> {
  let failure: BackupError | undefined
  for (const found of notes) {
    let whole = true
    for (const { id, name } of found.note.services) {
      try {
        await resumeOne(work, maintenance, id, { onEvent: options.onEvent })
      } catch (error) {
        const wrapped = isBackupError(error) ? error : new BackupError('unexpected', String(error))
        // Suspended by something else meanwhile: not ours to start, and nothing that trying again changes.
        if (wrapped.code !== 'provider-conflict') whole = false
        failure ??= new BackupError(wrapped.code, `${name} is still paused: ${wrapped.message}`, {
          cause: wrapped,
          hint: `\`lifeboat resume ${work.product}\` tries again; so does \`lifeboat doctor\``,
        })
        emitterFor(options.onEvent)({ type: 'warning.raised', message: `${name} is still paused: ${wrapped.message}` })
      }
    }
    if (whole && (await removed(found, options))) continue
    // One that stays must not look like a live one: its process is about to end. Else it is taken for dead a lease later.
    if (found.note.purpose === 'restore')
      await putNote({ ...found, note: { ...found.note, aliveUntil: work.now().toISOString() } }).catch(() => {})
  }
  return failure
}

/** Its services run again, so a note that stays fails nothing, and keeps none of the others from its turn. */
async function removed(found: FoundPauseNote, { onEvent }: PauseOptions): Promise<boolean> {
  try {
    await removeNote(found)
    return true
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    emitterFor(onEvent)({ type: 'warning.raised', message: `${why}; \`lifeboat doctor\` removes it` })
    return false
  }
}

async function resumeOne(work: PauseWork, maintenance: Maintenance, id: string, options: PauseOptions): Promise<void> {
  try {
    await maintenance.resume(id, options)
  } catch (error) {
    throw wrapProviderError(error, { provider: work.provider!, doing: `resume ${id}`, signal: options.signal })
  }
}

async function abandonedNotes(work: PauseWork, signal: AbortSignal | undefined): Promise<FoundPauseNote[]> {
  const now = work.now()
  return (await notesOf(work, signal)).filter(({ note }) => note.purpose === 'restore' && !isAlive(note, now))
}

async function notesOf(work: PauseWork, signal: AbortSignal | undefined): Promise<FoundPauseNote[]> {
  const notes = await readPauseNotes(work.stores, work.product, signal)
  return notes.filter(({ note }) => note.provider === work.provider?.name)
}

function isAlive({ aliveUntil }: PauseNote, now: Date): boolean {
  return aliveUntil !== null && Date.parse(aliveUntil) > now.getTime()
}

function leaseFrom({ now, leaseMs }: PauseWork): string {
  return new Date(now().getTime() + leaseMs).toISOString()
}

/** Says in the notes, at once and every quarter of a lease, that their process is alive. */
async function keepAlive(work: PauseWork, notes: readonly FoundPauseNote[]): Promise<{ stop(): Promise<void> }> {
  const renew = async () => {
    // A store that is silent for a while costs the proof of life, not the restore.
    for (const found of notes)
      await putNote({ ...found, note: { ...found.note, aliveUntil: leaseFrom(work) } }).catch(() => {})
  }
  await renew()
  let writing: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    writing = writing.then(renew)
  }, work.leaseMs / 4)
  timer.unref()
  return {
    async stop() {
      clearInterval(timer)
      await writing
    },
  }
}

async function servicesOf(work: PauseWork, maintenance: Maintenance, signal: AbortSignal | undefined) {
  try {
    return await maintenance.services({ signal })
  } catch (error) {
    throw wrapProviderError(error, { provider: work.provider!, doing: 'look at the services', signal })
  }
}

function maintenanceOf({ product, provider }: PauseWork): Maintenance {
  if (provider?.maintenance !== undefined) return provider.maintenance
  throw new BackupError('provider-lacks', `the configuration names no services of ${product} that could be paused`, {
    hint: "name them: provider: render({ …, services: ['srv-…'] })",
  })
}
