import type { LifeboatConfig } from '../../../core/src/config/config-schema.js'
import { secret } from '../../../core/src/config/secret.js'
import type { ObjectStore } from '../../../core/src/store/object-store.js'

type Product = LifeboatConfig['products'][string]

/** Nothing of the simulation is encrypted, so the passphrase is never asked for. */
const encryption = { passphrase: secret.env('LIFEBOAT_TEST_NOT_SET_ANYWHERE') }
const source = { url: secret.env('LIFEBOAT_TEST_NOT_SET_ANYWHERE') }

/** Four products with the schedules, objectives and destinations of the four plans. */
export function planShapes(storeOf: (product: string, destination: string) => ObjectStore): Record<string, Product> {
  const places = (product: string, ...names: readonly string[]) =>
    Object.fromEntries(names.map(name => [name, { store: storeOf(product, name) }]))
  return {
    voxanne: {
      ...{ source, encryption, objectives: { rto: '1h', rpo: '24h' } },
      destinations: places('voxanne', 'local', 'offsite'),
      verify: { criticalTables: ['appointments'], rowTolerance: 0.1 },
      schedule: { backup: '0 2 * * *', verify: '0 5 * * *', drill: '0 10 * * 5L' },
    },
    'ai-booking': {
      ...{ source, encryption, objectives: { rto: '4h', rpo: '24h' } },
      destinations: places('ai-booking', 'offsite'),
      schedule: { backup: '30 1 * * *', verify: '0 4 * * *', drill: '0 8 1 * *', prune: '0 9 * * *' },
    },
    flynn: {
      ...{ source, encryption, objectives: { rto: '30m', rpo: '7h' } },
      destinations: places('flynn', 'frankfurt', 'ireland'),
      schedule: { backup: '0 */6 * * *', verify: '0 7 * * *', drill: '0 9 * * 1', prune: '0 8 * * 0', grace: '1h' },
    },
    botflow: {
      ...{ source, encryption, objectives: { rto: '1h', rpo: '25h' } },
      destinations: {
        ...places('botflow', 'local', 's3'),
        archive: { store: storeOf('botflow', 'archive'), schedule: { every: 'weekly' } },
      },
      schedule: { backup: '0 2 * * *', verify: '0 6 * * *', drill: '0 11 * * 3', prune: '30 6 * * *', jitter: '10m' },
    },
  }
}
