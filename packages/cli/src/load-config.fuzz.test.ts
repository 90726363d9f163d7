import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resolveConfig } from '@lifeboat/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fuzz, mutateBytes, shareOf } from '../../testkit/src/fuzz.js'
import { loadConfig } from './load-config.js'

const text = `import { defineConfig, directory, secret } from '@lifeboat/core'

export default defineConfig({
  products: {
    shop: {
      source: { url: secret.env('SHOP_DATABASE_URL') },
      encryption: { passphrase: secret.env('SHOP_BACKUP_PASSPHRASE') },
      destinations: { local: { store: directory('/backups'), retention: { keepWithin: '30d', minimum: 3 } } },
      verify: { criticalTables: ['orders', 'billing.invoices'], size: { min: '10MB' } },
    },
  },
})
`

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-config-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('a mutated configuration file is loaded, or refused as one', async () => {
  let files = 0
  const { failed } = await fuzz(shareOf(0.05), async draw => {
    const file = join(folder, `${files++}.mjs`)
    await writeFile(file, mutateBytes(Buffer.from(text), draw))
    resolveConfig((await loadConfig(file)).config)
  })
  expect([...failed.keys()]).toEqual(['config-invalid'])
})
