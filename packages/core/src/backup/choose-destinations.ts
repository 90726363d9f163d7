import type { BackupOptions, DestinationOutcome } from '../api/backups.js'
import type { ProductConfig } from '../config/config-schema.js'
import { type DestinationTurn, destinationTurn } from '../destination/destination-schedule.js'
import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { listBackups } from '../repository/list-backups.js'
import { isExport } from '../repository/locate-artifact.js'
import type { Destination } from './store-everywhere.js'

/** Where a backup goes, and where it does not. */
export interface ChosenDestinations {
  readonly taking: readonly Destination[]
  /** Those that are not due, as the result shows them. */
  readonly passedOver: readonly DestinationOutcome[]
}

interface Choice {
  readonly product: string
  readonly config: Pick<ProductConfig, 'destinations'>
  readonly now: Date
}

/**
 * Chooses by each destination's schedule and what it has. One that does not answer takes it, and fails with what it says
 * then: a month without a backup must not come from a listing that broke off.
 * @throws BackupError `config-invalid` for a name that is not configured
 */
export async function chooseDestinations(
  all: readonly Destination[],
  { product, config, now }: Choice,
  { to, signal }: Pick<BackupOptions, 'to' | 'signal'>,
): Promise<ChosenDestinations> {
  if (to !== undefined) return { taking: named(all, to, product), passedOver: [] }
  const taking: Destination[] = []
  const passedOver: DestinationOutcome[] = []
  for (const one of all) {
    const { schedule } = config.destinations[one.name]!
    const turn = schedule === undefined ? { due: true as const } : await turnOf(one, product, schedule, now, signal)
    if (turn.due) taking.push(one)
    else
      passedOver.push({
        ...{ destination: one.name, location: one.store.location, outcome: 'not-due', error: null },
        turn: { has: turn.has, next: turn.next.toISOString() },
      })
  }
  return { taking, passedOver }
}

async function turnOf(
  { name, store }: Destination,
  product: string,
  schedule: ProductConfig['destinations'][string]['schedule'],
  now: Date,
  signal: AbortSignal | undefined,
): Promise<DestinationTurn> {
  try {
    const { backups } = await listBackups(store, { product, destination: name }, signal)
    const dumps = backups.filter(one => !isExport(one.manifest))
    const made = dumps.map(({ id, manifest }) => ({ id, createdAt: manifest.createdAt }))
    return destinationTurn(schedule, made, now)
  } catch {
    throwIfCancelled(signal)
    return { due: true }
  }
}

function named(all: readonly Destination[], to: readonly string[], product: string): readonly Destination[] {
  const unknown = to.find(name => !all.some(one => one.name === name))
  if (unknown === undefined && to.length > 0) return all.filter(one => to.includes(one.name))
  throw new BackupError('config-invalid', `${product} has no destination ${JSON.stringify(unknown ?? '')}`, {
    hint: `configured: ${all.map(one => one.name).join(', ')}`,
  })
}
