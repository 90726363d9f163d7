import { randomBytes } from 'node:crypto'
import { BackupError, type ProviderOperation, type Recovering, type RecoveryPlan } from '@lifeboat/core'
import { type HttpDeps, poll } from '@lifeboat/core/http'
import type { Project } from '../api/answers.js'
import type { ManagementApi } from '../api/management-api.js'
import type { SupabaseSettings } from '../supabase-options.js'
import { followProject } from './follow-project.js'
import { readServerMarks, type ServerMarks } from './server-marks.js'

/** What a recovery in place works with. */
export interface InPlace {
  readonly api: ManagementApi
  readonly settings: SupabaseSettings
  readonly deps: HttpDeps
}

/** States in which a project takes a restore. After a failed one another is the way out. */
const restorable: ReadonlySet<string> = new Set(['ACTIVE_HEALTHY', 'ACTIVE_UNHEALTHY', 'RESTORE_FAILED'])

const always = [
  'the live database is replaced, and the project does not answer until it is done: minutes to hours',
  'what was written after that moment is lost; files in Storage stay as they are, so rows may name files that are gone',
  "drop subscriptions and replication slots of your own first (Realtime's may stay)",
]

/** @throws BackupError `provider-conflict` for a project that cannot take a restore now */
export async function planInPlace(
  { api, settings }: InPlace,
  what: Pick<RecoveryPlan, 'kind' | 'to'> & { readonly send: Sent; readonly warnings?: readonly string[] },
  signal: AbortSignal | undefined,
): Promise<RecoveryPlan> {
  const project = await api.project(signal)
  assertRestorable(project)
  const marks = await readServerMarks(api, signal)
  const unmarked =
    'the server does not tell its state: a recovery that is interrupted may have to be looked for by hand'
  const again = `the project is ${project.status}: an earlier restore did not work`
  return {
    provider: 'supabase',
    id: randomBytes(8).toString('hex'),
    kind: what.kind,
    to: what.to,
    place: 'in-place',
    target: `project ${settings.ref}${project.name === '' ? '' : ` (${project.name})`}`,
    confirmation: settings.ref,
    cost: null,
    warnings: [
      ...always,
      ...(what.warnings ?? []),
      ...(marks === undefined ? [unmarked] : []),
      ...(project.status === 'RESTORE_FAILED' ? [again] : []),
    ],
    details: {
      ...what.send,
      ref: settings.ref,
      statusBefore: project.status,
      timelineBefore: marks?.timeline ?? null,
      startedBeforeMs: marks?.startedAtMs ?? null,
    },
  }
}

/** What is sent, as details of a plan. */
export type Sent =
  | { readonly send: 'pitr'; readonly unix: number }
  | { readonly send: 'physical'; readonly backup: number }
  | { readonly send: 'undo'; readonly name: string }

/** The three steps that all recoveries of a project share. */
export function recoveringInPlace(place: InPlace): Recovering {
  const { api, settings, deps } = place
  return {
    async begin(plan, { signal } = {}) {
      signal?.throwIfAborted()
      assertOurs(plan, settings)
      assertRestorable(await api.project(signal))
      // By this clock, before it is sent: what the server did after that moment is this recovery's doing.
      const begunAt = new Date(deps.now()).toISOString()
      await send(api, plan, signal)
      return { plan, begunAt, details: { left: false } }
    },

    async rejoin(plan, begunAt, { signal } = {}) {
      signal?.throwIfAborted()
      assertOurs(plan, settings)
      const until = begunAt.getTime() + settings.leaveTimeoutMs
      const found = (left: boolean): ProviderOperation => ({ plan, begunAt: begunAt.toISOString(), details: { left } })
      const outcome = await poll<'left' | 'done' | 'nothing'>(
        async () => {
          const { status } = await api.project(signal)
          if (status === 'RESTORING') return 'left'
          if (status === 'RESTORE_FAILED' && plan.details.statusBefore !== 'RESTORE_FAILED') return 'left'
          if (status === 'ACTIVE_HEALTHY' && isNewTimeline(plan, await readServerMarks(api, signal))) return 'done'
          return deps.now() >= until ? 'nothing' : undefined
        },
        {
          what: 'looking for the recovery',
          everyMs: settings.pollEveryMs,
          timeoutMs: settings.leaveTimeoutMs + 2 * settings.pollEveryMs,
          signal,
          deps,
        },
      )
      return outcome === 'nothing' ? undefined : found(true)
    },

    follow: (operation, options = {}) => {
      options.signal?.throwIfAborted()
      assertOurs(operation.plan, settings)
      return followProject(place, operation, options)
    },
  }
}

/** Whether the server went through a recovery since the plan was made. */
export function isNewTimeline(plan: RecoveryPlan, marks: ServerMarks | undefined): boolean {
  const before = plan.details.timelineBefore
  return marks !== undefined && typeof before === 'string' && marks.timeline !== before
}

function send(api: ManagementApi, plan: RecoveryPlan, signal: AbortSignal | undefined): Promise<void> {
  const { send: way, unix, backup, name } = plan.details
  if (way === 'pitr') return api.restorePitr({ recovery_time_target_unix: Number(unix) }, signal)
  if (way === 'physical') return api.restorePhysical({ id: Number(backup) }, signal)
  if (way === 'undo') return api.undo({ name: String(name) }, signal)
  throw new BackupError('config-invalid', 'the plan is not one of this version')
}

function assertOurs(plan: RecoveryPlan, settings: SupabaseSettings): void {
  if (plan.details.ref === settings.ref) return
  throw new BackupError('config-invalid', `the recovery is one of another project than ${settings.ref}`)
}

function assertRestorable({ ref, status }: Project): void {
  if (restorable.has(status)) return
  const paused = status === 'INACTIVE'
  throw new BackupError('provider-conflict', `project ${ref} cannot be restored while it is ${status}`, {
    hint: paused ? 'un-pause the project first, in the dashboard' : 'wait until the project is ACTIVE_HEALTHY',
  })
}
