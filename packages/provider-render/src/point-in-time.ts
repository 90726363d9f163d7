import { randomBytes } from 'node:crypto'
import {
  BackupError,
  type FollowOptions,
  isBackupError,
  type PointInTime,
  type ProviderCallOptions,
  type ProviderOperation,
  type Recovered,
  type RecoveryPlan,
  type RecoveryWindow,
} from '@lifeboat/core'
import { externalAddress } from './external-address.js'
import { followUntil, report } from './follow.js'
import type { Instance, RenderApi } from './render-api.js'
import type { RenderSettings } from './render-options.js'

const minute = 60_000
/** The last ten minutes cannot be recovered yet: https://render.com/docs/postgresql-backups */
export const settlingMs = 10 * minute
/** The shortest window that a paid plan has, where Render does not say when it starts: three days. */
const shortestWindowMs = 3 * 24 * 60 * minute
/** How long a new instance may stay out of the listing before it counts as never made. */
const listingMs = 2 * minute

/** The names of what rehearsals make: the only instances that are ever removed. */
export const rehearsalName = /^lifeboat-rehearsal-[0-9a-f]{12}$/

/** Recovery to an instant, always into a new instance: the original runs on. */
export function pointInTime(api: RenderApi, settings: RenderSettings): PointInTime {
  const sourceId = settings.postgresId

  const window = (options: ProviderCallOptions = {}) => recoveryWindow(api, settings, options)

  async function plan(
    at: Date,
    { signal, rehearsal }: ProviderCallOptions & { readonly rehearsal?: boolean | undefined } = {},
  ): Promise<RecoveryPlan> {
    const found = await window({ signal })
    if (found.status !== 'available' || at.toISOString() < found.earliest! || at.toISOString() > found.latest!) {
      const why =
        found.status === 'available' ? `its window is ${found.earliest} to ${found.latest}` : found.notes.join('; ')
      throw new BackupError('outside-window', `${sourceId} cannot go back to ${at.toISOString()}: ${why}`, {
        hint: 'take an instant inside, an export (`lifeboat list`) or a dump: `lifeboat timeline` shows all there is',
      })
    }
    const source = await api.instance(sourceId, { signal })
    const id = randomBytes(6).toString('hex')
    const size = settings.recoveryPlan ?? source.plan
    return {
      ...{ provider: 'render', id, kind: 'instant', to: at.toISOString(), place: 'new-instance' },
      target: `instance ${sourceId} (${source.name})`,
      confirmation: sourceId,
      cost: `a new instance of the plan ${size}, billed by Render from now until it is deleted`,
      warnings: [
        `${sourceId} runs on unchanged; the services use it until they are given the new address`,
        'high availability, disk settings and the list of allowed addresses cannot be chosen: check them on the new instance',
        ...(source.suspended === 'suspended' ? [`${sourceId} is suspended`] : []),
        ...(source.expiresAt ? [`${sourceId} expires at ${source.expiresAt}, and its recovery window with it`] : []),
      ],
      details: {
        sourceId,
        restoreName: `lifeboat-${rehearsal ? 'rehearsal' : 'recovery'}-${id}`,
        plan: settings.recoveryPlan ?? null,
      },
    }
  }

  async function rejoin(
    made: RecoveryPlan,
    begunAt: Date,
    { signal }: ProviderCallOptions = {},
  ): Promise<ProviderOperation | undefined> {
    signal?.throwIfAborted()
    const name = String(made.details.restoreName)
    for await (const found of api.instances({ name, signal }))
      if (found.name === name && found.id !== sourceId && found.id !== made.details.sourceId)
        return operationOf(made, found, begunAt)
    return undefined
  }

  return {
    window,
    plan,
    rejoin,

    async begin(made, { signal } = {}) {
      signal?.throwIfAborted()
      if (made.details.sourceId !== sourceId)
        throw new BackupError('config-invalid', `the plan is for ${made.details.sourceId}, not for ${sourceId}`)
      const begunAt = new Date(api.deps.now())
      const input = { restoreTime: made.to, restoreName: String(made.details.restoreName) }
      const size = made.details.plan
      const answer = await api.recover(sourceId, typeof size === 'string' ? { ...input, plan: size } : input, {
        signal,
      })
      if (answer !== undefined) {
        if (answer.id === sourceId || answer.id === made.details.sourceId)
          throw new BackupError(
            'provider-answer-invalid',
            `Render answers a recovery with the source ${sourceId} itself`,
            {
              hint: `look for an instance named ${input.restoreName} in the dashboard`,
            },
          )
        return operationOf(made, answer, begunAt)
      }
      // It said yes and nothing else: what it made is found by its name.
      return followUntil(() => rejoin(made, begunAt, { signal }), {
        what: `the recovery was accepted, but no instance ${input.restoreName} shows`,
        hint: '`lifeboat pitr restore PRODUCT --resume` looks again, and begins nothing anew',
        ...{ timeoutMs: listingMs, deps: api.deps, signal },
      })
    },

    async follow(operation: ProviderOperation, options: FollowOptions = {}): Promise<Recovered> {
      const { signal } = options
      signal?.throwIfAborted()
      const instanceId = newInstanceOf(operation, sourceId)
      let absentSinceMs: number | undefined
      const found = await followUntil(
        async () => {
          const seen = await api.findInstance(instanceId, { signal })
          if (seen === undefined) {
            // What was just made may not be known everywhere yet.
            absentSinceMs ??= api.deps.now()
            if (api.deps.now() - absentSinceMs < listingMs) return undefined
            if ((await rejoin(operation.plan, new Date(operation.begunAt), { signal })) !== undefined) return undefined
          } else absentSinceMs = undefined
          const state = seen?.status ?? 'gone'
          const elapsedMs = api.deps.now() - Date.parse(operation.begunAt)
          report(options.onEvent, { type: 'provider.progressed', provider: 'render', state, elapsedMs })
          if (seen === undefined || state === 'recovery_failed')
            throw new BackupError('recovery-failed', `the recovery into ${instanceId} failed: Render says ${state}`, {
              hint: `take another instant; ${instanceId} may be billed until it is deleted in the dashboard`,
            })
          return state === 'available' ? seen : undefined
        },
        {
          what: `the recovery into ${instanceId} is not available`,
          hint: 'it goes on at Render: `lifeboat pitr restore PRODUCT --resume` follows it again',
          ...{ timeoutMs: options.timeoutMs ?? settings.recoveryTimeoutMs, deps: api.deps, signal },
        },
      )
      const durationMs = api.deps.now() - Date.parse(operation.begunAt)
      const notes = [...notesOn(found), await whereItIs(api, instanceId, signal)]
      return { operation, durationMs, notes, instance: instanceId }
    },
  }
}

/** The instants that the instance can go back to. Render says where they begin; the end is ten minutes ago. */
export async function recoveryWindow(
  api: RenderApi,
  { postgresId }: RenderSettings,
  { signal }: ProviderCallOptions,
): Promise<RecoveryWindow> {
  signal?.throwIfAborted()
  const { recoveryStatus, startsAt } = await api.recoveryInfo(postgresId, { signal })
  const none = (status: 'preparing' | 'unavailable', note: string) => ({
    ...{ status, earliest: null, latest: null, notes: [note] },
  })
  if (recoveryStatus === 'BACKUP_NOT_READY') return none('preparing', 'the first backup is not ready yet')
  if (recoveryStatus === 'NOT_AVAILABLE') return none('unavailable', 'free instances have no point-in-time recovery')
  const latestMs = api.deps.now() - settlingMs
  const notes = ['the last ten minutes cannot be recovered yet']
  if (recoveryStatus !== 'AVAILABLE') notes.push(`Render says ${recoveryStatus}, a word that is new to this version`)
  let earliestMs = Date.parse(startsAt ?? '')
  if (Number.isNaN(earliestMs)) {
    if (recoveryStatus !== 'AVAILABLE') return none('unavailable', notes.at(-1)!)
    earliestMs = latestMs - shortestWindowMs
    notes.push('Render does not say when the window starts; three days is what every paid plan has')
  }
  if (earliestMs >= latestMs) return none('preparing', 'the window opens ten minutes after the first backup')
  return { status: 'available', earliest: iso(earliestMs), latest: iso(latestMs), notes }
}

/** The id of what a recovery made; never the source's. @throws BackupError `provider-refused` */
export function newInstanceOf(operation: ProviderOperation, sourceId: string): string {
  const { instanceId } = operation.details
  if (typeof instanceId === 'string' && instanceId !== sourceId && instanceId !== operation.plan.details.sourceId)
    return instanceId
  throw new BackupError(
    'provider-refused',
    `the note of the recovery names ${String(instanceId)}, which it did not make`,
    {
      hint: 'look for the recovered instance in the dashboard',
    },
  )
}

function operationOf(plan: RecoveryPlan, made: Instance, begunAt: Date): ProviderOperation {
  return { plan, begunAt: begunAt.toISOString(), details: { instanceId: made.id } }
}

function notesOn(made: Instance): string[] {
  const open = made.ipAllowList?.length ?? 0
  return [
    `${made.id} (${made.name}, ${made.plan}, ${made.region}) is available and billed until it is deleted`,
    open === 0
      ? 'no address outside Render may connect to it: allow yours in the dashboard, or connect from a service in its region'
      : `${open} ${open === 1 ? 'range of addresses' : 'ranges of addresses'} outside Render may connect to it`,
  ]
}

/** How it is reached, without the password. That it cannot be told is no reason to fail a recovery that worked. */
async function whereItIs(api: RenderApi, id: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    const url = new URL(await externalAddress(api, id, signal))
    url.password = ''
    return `it is ${url.href}; its password is in the dashboard`
  } catch (error) {
    signal?.throwIfAborted()
    return `its address is in the dashboard (${isBackupError(error) ? error.message : 'Render does not tell it'})`
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
