import { describe, expect, it } from 'vitest'
import { directory } from '../store/directory-store.js'
import { memoryStore } from '../store/memory-store.js'
import type { LifeboatConfig } from './config-schema.js'
import { resolveConfig } from './define-config.js'
import { secret } from './secret.js'

type Destination = LifeboatConfig['products'][string]['destinations'][string]

const able = () => ({
  ...memoryStore(),
  capabilities: { conditionalPut: true, storageClasses: true, objectLock: true, versioning: false },
})
const bucket = (host: string) => ({ ...memoryStore(), name: 's3', location: 's3://shop-backups', host })
const resolve = (destinations: Record<string, Destination>) => {
  const source = { url: secret.env('NOT_SET') }
  const encryption = { passphrase: secret.env('NOT_SET') }
  return resolveConfig({ products: { shop: { source, encryption, destinations } } }).products.shop!.destinations
}

describe('the rules of a destination', () => {
  it('are taken where the store can keep them', () => {
    const { archive } = resolve({
      local: { store: directory('/backups') },
      archive: {
        store: able(),
        storageClass: 'DEEP_ARCHIVE',
        objectLock: { days: 30 },
        schedule: { every: 'monthly' },
      },
    })
    expect(archive).toMatchObject({
      ...{ storageClass: 'DEEP_ARCHIVE', schedule: { every: 'monthly' } },
      objectLock: { mode: 'governance', days: 30, legalHold: false },
    })
  })

  it.each<[string, Record<string, Destination>, RegExp]>([
    [
      'a class of a folder',
      { local: { store: directory('/b'), storageClass: 'COLD' } },
      /storageClass.*no storage classes/,
    ],
    [
      'a lock of a folder',
      { local: { store: directory('/b'), objectLock: { days: 1 } } },
      /objectLock.*locks no objects/,
    ],
    ['a lock without an end', { local: { store: able(), objectLock: { mode: 'compliance' } } }, /how many days/],
    ['half a day', { local: { store: able(), objectLock: { days: 0.5 } } }, /whole days/],
    [
      'no destination that takes every backup',
      { local: { store: able(), schedule: { every: 'daily' } } },
      /must take every/,
    ],
    [
      'one bucket of one service under two names: two retention rules would prune each other',
      { local: { store: bucket('s3.example.org') }, again: { store: bucket('s3.example.org') } },
      /the same place as local/,
    ],
    ['another word for a period', { local: { store: able(), schedule: { every: 'hourly' as 'daily' } } }, /every/],
  ])('refuse %s', (_, destinations, message) => {
    expect(() => resolve(destinations)).toThrow(message)
  })

  it('may be of two services that both have a bucket of that name', () => {
    resolve({ local: { store: bucket('s3.example.org') }, again: { store: bucket('s3.example.com') } })
  })
})
