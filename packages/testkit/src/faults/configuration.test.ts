import { directory, memoryStore, openLifeboat, secret } from '@lifeboat/core'
import { s3 } from '@lifeboat/provider-s3'
import { describe, expect, it } from 'vitest'
import { runCli } from '../../../cli/src/testing/fake-io.js'
import { expectCaught, refusalOf } from './fault-shop.js'

/* Fault 25: a wrong configuration is refused when it starts, by the path of the key. */

const product = (change: object = {}) => ({
  source: { url: secret.value('postgres://nobody@127.0.0.1:1/nothing') },
  encryption: { passphrase: secret.value('correct horse battery') },
  destinations: { local: { store: memoryStore() } },
  ...change,
})
const inBucket = (prefix: string, endpoint?: string) => {
  const options = {
    bucket: 'backups',
    region: 'eu-central-1',
    ...(prefix && { prefix }),
    ...(endpoint && { endpoint }),
  }
  return { destinations: { local: { store: s3(options) } } }
}
const stored = (path: string) => ({ destinations: { local: { store: directory(path) } } })

describe('a wrong configuration', () => {
  it.each<[string, object, string, string]>([
    ['an unknown key', { shop: product({ retension: {} }) }, 'config-invalid', 'products.shop.retension: unknown key'],
    [
      'a bad duration',
      { shop: product({ objectives: { rpo: '1 night' } }) },
      'config-invalid',
      'products.shop.objectives.rpo: not a duration',
    ],
    [
      'a secret missing from the environment',
      { shop: product({ source: { url: secret.env('LIFEBOAT_FAULTS_NOT_SET') } }) },
      'secret-missing',
      'products.shop.source.url: environment variable LIFEBOAT_FAULTS_NOT_SET is not set',
    ],
    [
      'a passphrase missing from the environment',
      { shop: product({ encryption: { passphrase: secret.env('LIFEBOAT_FAULTS_NOT_SET') } }) },
      'secret-missing',
      'products.shop.encryption.passphrase: environment variable LIFEBOAT_FAULTS_NOT_SET is not set',
    ],
    [
      'two products under one prefix',
      { shop: product(stored('/backups')), blog: product(stored('/backups/shop/old')) },
      'config-invalid',
      'products.blog.destinations.local.store: lies inside the folder of the product shop (/backups/shop)',
    ],
    [
      'two products under one prefix of a bucket',
      { shop: product(inBucket('')), blog: product(inBucket('shop')) },
      'config-invalid',
      'products.blog.destinations.local.store: lies inside the folder of the product shop (s3://backups/shop)',
    ],
    [
      'two destinations in one place',
      {
        shop: product({ destinations: { a: { store: directory('/backups') }, b: { store: directory('/backups/') } } }),
      },
      'config-invalid',
      'products.shop.destinations.b.store: the same place as a',
    ],
  ])('%s is refused by the path of its key, with status 2', async (made, products, expected, words) => {
    const config = { products } as Parameters<typeof openLifeboat>[0]
    await expectCaught({ fault: 25, made, level: 'start' }, [expected], async () => {
      const { code, message } = await refusalOf(openLifeboat(config).then(lifeboat => lifeboat.backup('shop')))
      expect(message).toContain(words)
      return [code]
    })
    const { status, stderr } = await runCli(['backup', 'shop'], { open: () => openLifeboat(config) })
    expect(status).toBe(2)
    expect(stderr).toContain(words)
  })

  it('products in folders beside each other are none', async () => {
    const products = {
      shop: product(stored('/backups')),
      blog: product(stored('/backups')),
      log: product(stored('/backups/shopping')),
      one: product(inBucket('')),
      two: product(inBucket('one-more')),
      // A bucket of that name, at another service.
      three: product(inBucket('one', 'https://s3.example.org')),
    }
    const opened = await openLifeboat({ products })
    expect(opened.products).toEqual(['shop', 'blog', 'log', 'one', 'two', 'three'])
  })
})
