import { describe, expect, it } from 'vitest'
import { fuzz, mutateValue, shareOf } from '../../../testkit/src/fuzz.js'
import type { LifeboatConfig } from '../config/config-schema.js'
import { resolveConfig } from '../config/define-config.js'
import { secret } from '../config/secret.js'
import { memoryStore } from '../store/memory-store.js'

const config = (): LifeboatConfig => ({
  products: {
    shop: {
      objectives: { rto: '1h', rpo: '24h' },
      source: { url: secret.env('SHOP_DATABASE_URL'), schemas: ['public'], excludeTableData: ['public.sessions'] },
      encryption: { recipients: ['keys/team.asc'], privateKey: 'keys/team.private.asc', signers: ['keys/writer.asc'] },
      compression: { codec: 'gzip', level: 3 },
      destinations: {
        local: { store: Object.freeze(memoryStore()), retention: { keepWithin: '30d', minimum: 3 } },
        offsite: { store: Object.freeze(memoryStore()), retention: { last: 3, daily: 30, monthly: 12 } },
      },
      verify: { criticalTables: ['orders', 'billing.invoices'], size: { min: '10MB', max: '2GB' } },
    },
    blog: {
      source: { url: secret.env('BLOG_DATABASE_URL') },
      encryption: { passphrase: secret.env('BLOG_PASSPHRASE') },
      destinations: { local: { store: Object.freeze(memoryStore()) } },
    },
  },
})

describe('a mutated configuration', () => {
  it('is resolved, or refused with the path of what is wrong', async () => {
    const { succeeded, failed } = await fuzz(shareOf(0.2), draw => {
      const resolved = resolveConfig(mutateValue(config(), draw) as LifeboatConfig)
      // Nothing that was resolved names a place outside.
      for (const [product, { destinations }] of Object.entries(resolved.products))
        for (const name of [product, ...Object.keys(destinations)])
          if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) throw new Error(`it took the name ${JSON.stringify(name)}`)
    })
    expect([...failed.keys()]).toEqual(['config-invalid'])
    expect(succeeded).toBeGreaterThan(0)
  })
})
