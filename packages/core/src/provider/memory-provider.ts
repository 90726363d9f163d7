import { BackupError, isBackupError } from '../errors/backup-error.js'
import { emitterFor } from '../events/backup-event.js'
import { bytesOf } from '../streams/byte-source.js'
import type {
  BackupProvider,
  FollowOptions,
  ProviderBackup,
  ProviderCallOptions,
  ProviderOperation,
  Recovered,
  RecoveryPlan,
  RestorePoint,
  WritingService,
} from './backup-provider.js'

export interface MemoryProviderOptions {
  /** Default: the system clock. */
  readonly now?: (() => Date) | undefined
  /** Default: none. */
  readonly backups?: readonly ProviderBackup[] | undefined
  /** The instants it can go back to. Default: from 7 days ago to now. */
  readonly window?: { readonly earliest: Date; readonly latest: Date } | undefined
}

/** What a {@link memoryProvider} was asked to do, for a test to look at. */
export interface MemoryProviderLog {
  /** Plans that were begun, in order. */
  readonly begun: readonly RecoveryPlan[]
}

/** A provider in memory with every power, for tests and as an example. */
export function memoryProvider(options: MemoryProviderOptions = {}): BackupProvider & MemoryProviderLog {
  const now = options.now ?? (() => new Date())
  const day = 24 * 3600 * 1000
  const window = options.window ?? { earliest: new Date(now().getTime() - 7 * day), latest: now() }
  const backups = new Map((options.backups ?? []).map(one => [one.id, one]))
  const services = new Map<string, WritingService>([['web', { id: 'web', name: 'web', state: 'running' }]])
  const points = new Map<string, RestorePoint>()
  const begun: RecoveryPlan[] = []
  let made = 0

  const missing = (id: string) => new BackupError('backup-missing', `memory has no backup ${JSON.stringify(id)}`)
  const planFor = (kind: RecoveryPlan['kind'], to: string): RecoveryPlan => ({
    ...{ provider: 'memory', id: `plan-${++made}`, kind, to, place: 'in-place', target: 'memory' },
    ...{ confirmation: 'memory', cost: null, warnings: [], details: {} },
  })
  const recovering = {
    async begin(plan: RecoveryPlan, { signal }: ProviderCallOptions = {}): Promise<ProviderOperation> {
      signal?.throwIfAborted()
      begun.push(plan)
      return { plan, begunAt: now().toISOString(), details: {} }
    },
    async rejoin(plan: RecoveryPlan, begunAt: Date, { signal }: ProviderCallOptions = {}) {
      signal?.throwIfAborted()
      if (!begun.some(one => one.id === plan.id)) return undefined
      return { plan, begunAt: begunAt.toISOString(), details: {} }
    },
    async follow(operation: ProviderOperation, { signal, onEvent }: FollowOptions = {}): Promise<Recovered> {
      signal?.throwIfAborted()
      emitterFor(onEvent)({ type: 'provider.progressed', provider: 'memory', state: 'done', elapsedMs: 0 })
      return { operation, durationMs: 0, notes: [], instance: null }
    },
  }

  return {
    name: 'memory',
    location: 'memory',
    begun,

    async *list({ signal } = {}) {
      for (const backup of [...backups.values()]) {
        signal?.throwIfAborted()
        yield backup
      }
      signal?.throwIfAborted()
    },

    classify: error => (isBackupError(error) ? error.code : undefined),

    creating: {
      async create({ signal } = {}) {
        signal?.throwIfAborted()
        const backup: ProviderBackup = {
          ...{ id: `made-${++made}`, kind: 'logical', createdAt: now().toISOString() },
          ...{ status: 'complete', nativeStatus: 'COMPLETED', expiresAt: null, sizeBytes: null },
        }
        backups.set(backup.id, backup)
        return backup
      },
    },

    opening: {
      async *open(id, { signal } = {}) {
        signal?.throwIfAborted()
        if (!backups.has(id)) throw missing(id)
        yield* bytesOf(`the content of ${id}`)
      },
    },

    restoring: {
      ...recovering,
      async plan(id, { signal } = {}) {
        signal?.throwIfAborted()
        const point = [...points.values()].find(one => one.backup === id)
        if (point !== undefined) return planFor('restore-point', point.name)
        if (!backups.has(id)) throw missing(id)
        return planFor('backup', id)
      },
    },

    pointInTime: {
      ...recovering,
      async window({ signal } = {}) {
        signal?.throwIfAborted()
        const { earliest, latest } = window
        return { status: 'available', earliest: earliest.toISOString(), latest: latest.toISOString(), notes: [] }
      },
      async plan(at, { signal } = {}) {
        signal?.throwIfAborted()
        if (at < window.earliest || at > window.latest)
          throw new BackupError('outside-window', `memory cannot go back to ${at.toISOString()}`)
        return planFor('instant', at.toISOString())
      },
    },

    restorePoints: {
      async find(name, { signal } = {}) {
        signal?.throwIfAborted()
        return name === undefined ? [...points.values()].at(-1) : points.get(name)
      },
      async create(name, { signal } = {}) {
        signal?.throwIfAborted()
        const point = {
          ...{ name, status: 'AVAILABLE', available: true, completedAt: now().toISOString() },
          backup: `restore-point:${name}`,
        }
        points.set(name, point)
        return point
      },
    },

    async schedule({ signal } = {}) {
      signal?.throwIfAborted()
      return { timeOfDay: '04:00:00' }
    },

    removing: {
      async remove(id, { signal } = {}) {
        signal?.throwIfAborted()
        backups.delete(id)
      },
    },

    maintenance: {
      async services({ signal } = {}) {
        signal?.throwIfAborted()
        return [...services.values()]
      },
      pause: (id, call) => setState(id, 'paused', call),
      resume: (id, call) => setState(id, 'running', call),
    },
  }

  async function setState(id: string, state: WritingService['state'], { signal }: FollowOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    const service = services.get(id)
    if (service === undefined)
      throw new BackupError('provider-not-found', `memory has no service ${JSON.stringify(id)}`)
    services.set(id, { ...service, state })
  }
}
