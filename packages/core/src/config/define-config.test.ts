import { describe, expect, it } from 'vitest'
import { isBackupError } from '../errors/backup-error.js'
import type { ObjectStore } from '../store/object-store.js'
import type { LifeboatConfig } from './config-schema.js'
import { defineConfig, resolveConfig } from './define-config.js'
import { type SecretReference, secret } from './secret.js'

const dayMs = 24 * 60 * 60 * 1000
const recipients = ['keys/team.asc']

describe('resolveConfig', () => {
  it('resolves every default', () => {
    const store = storeAt('/backups')
    const url = secret.env('DATABASE_URL')
    const resolved = resolveConfig({
      products: { shop: { source: { url }, encryption: { recipients }, destinations: { local: { store } } } },
    })
    expect(resolved).toEqual({
      products: {
        shop: {
          objectives: {},
          source: { url: expect.objectContaining({ description: url.description }) },
          encryption: { recipients },
          compression: { codec: 'gzip', level: 1 },
          destinations: { local: { store, retention: { minimum: 3 } } },
          verify: { criticalTables: [], size: {}, functions: [], queries: [] },
          drill: { proof: 'content', jobs: 2, allowExtensions: [] },
        },
      },
    })
  })

  describe('of notify', () => {
    const url = secret.env('HOOK')
    const slack = { webhook: url }
    const problems = (notify: unknown, shared?: unknown) => {
      try {
        resolveConfig({ ...configWith({ notify } as object), ...(shared === undefined ? {} : { notify: shared }) })
        return 'none'
      } catch (error) {
        return (error as Error).message.replace('the configuration is not valid: ', '')
      }
    }

    it('takes one channel or a list of them, and what is told again', () => {
      const email = {
        smtp: { host: 'mail.example.org', user: 'a', password: url },
        from: 'a@example.org',
        to: ['b@example.org'],
      }
      const webhook = { url, secret: url, severities: ['critical'], jobs: ['backup'] }
      const some = { slack, email, webhook: [webhook, { ...webhook, name: 'pager' }], ping: { backup: url } }
      expect(problems({ ...some, repeatEvery: { critical: '12h', warning: 'never' } }, { slack })).toBe('none')
    })

    it.each([
      [
        'a text in place of a secret',
        { slack: { webhook: 'https://hooks.example.org' } },
        'products.shop.notify.slack.0.webhook: expected secret',
      ],
      ['an unknown key', { slack: { ...slack, chanel: 1 } }, 'products.shop.notify.slack.0.chanel: unknown key'],
      ['two of one name', { slack: [slack, slack] }, 'another channel is called slack'],
      ['the name of a ping', { slack: { ...slack, name: 'ping-backup' } }, 'take another name'],
      ['an empty ping', { ping: {} }, 'products.shop.notify.ping: name a job'],
      ['a time that is none', { repeatEvery: { critical: 'daily' } }, 'products.shop.notify.repeatEvery.critical: '],
    ])('refuses %s', (_name, notify, said) => expect(problems(notify)).toContain(said))

    it('refuses a ping of all products, and a name that a shared channel has', () => {
      expect(problems(undefined, { ping: { backup: url } })).toContain('notify.ping: unknown key')
      expect(problems({ webhook: { url, secret: url, name: 'slack' } }, { slack })).toContain('is called slack, too')
    })
  })

  it('tells a secret which key it is the value of', () => {
    const url = secret.env('LIFEBOAT_TEST_NOT_SET_ANYWHERE')
    const { shop } = resolveConfig(configWith({ source: { url } })).products
    const message = 'products.shop.source.url: environment variable LIFEBOAT_TEST_NOT_SET_ANYWHERE is not set'
    const read = (source: { readonly url: unknown }) => (source.url as SecretReference).read()
    expect(() => read(shop!.source)).toThrow(message)
    const again = resolveConfig(configWith({ source: { url: shop!.source.url } }))
    expect(() => read(again.products.shop!.source)).toThrow(message)
    expect(JSON.stringify(shop!.source)).toBe('{"url":"[secret: environment variable LIFEBOAT_TEST_NOT_SET_ANYWHERE]"}')
  })

  it('turns durations into milliseconds and sizes into bytes', () => {
    const { shop } = resolveConfig(
      configWith({
        objectives: { rto: '1h', rpo: '24h' },
        destinations: { local: { store: storeAt('/a'), retention: { keepWithin: '30d', daily: 7 } } },
        verify: { size: { min: '10MB' } },
      }),
    ).products
    expect(shop?.objectives).toEqual({ rto: dayMs / 24, rpo: dayMs })
    expect(shop?.destinations.local?.retention).toEqual({ keepWithin: 30 * dayMs, daily: 7, minimum: 3 })
    expect(shop?.verify).toMatchObject({ criticalTables: [], size: { min: 10_485_760 } })
  })

  it('freezes the result, but not the stores, which are the caller\u2019s own', () => {
    const store = storeAt('/backups')
    const config = configWith({ destinations: { local: { store } } })
    const { products } = resolveConfig(config)
    expect(Object.isFrozen(products.shop?.destinations.local?.retention)).toBe(true)
    expect(Object.isFrozen(products.shop?.verify.criticalTables)).toBe(true)
    expect(products.shop?.destinations.local?.store).toBe(store)
    expect(Object.isFrozen(store)).toBe(false)
    expect(Object.isFrozen(config.products)).toBe(false)
  })

  it.each<[string, unknown, string]>([
    ['an unknown key', { retension: {} }, 'products.shop.retension: unknown key'],
    [
      'an unknown key far in',
      { destinations: { local: { store: storeAt('/a'), retention: { dayly: 3 } } } },
      'products.shop.destinations.local.retention.dayly: unknown key',
    ],
    [
      'a duration that is none',
      { destinations: { local: { store: storeAt('/a'), retention: { keepWithin: '30 nights' } } } },
      'products.shop.destinations.local.retention.keepWithin: not a duration: "30 nights" (write 15m, 24h, 30d)',
    ],
    ['a duration of nothing', { objectives: { rpo: '0h' } }, 'products.shop.objectives.rpo: not a duration: "0h"'],
    ['a size that is none', { verify: { size: { min: '10' } } }, 'products.shop.verify.size.min: not a size: "10"'],
    [
      'sizes the wrong way round',
      { verify: { size: { min: '2GB', max: '1GB' } } },
      'products.shop.verify.size: min is larger than max',
    ],
    [
      'a rule that keeps none',
      { destinations: { local: { store: storeAt('/a'), retention: { last: 0 } } } },
      'products.shop.destinations.local.retention.last: expected a whole number above 0',
    ],
    [
      'a minimum of none',
      { destinations: { local: { store: storeAt('/a'), retention: { minimum: 0 } } } },
      'products.shop.destinations.local.retention.minimum: expected 1 or more',
    ],
    [
      'a level that gzip lacks',
      { compression: { level: 12 } },
      'products.shop.compression.level: gzip has levels 1 to 9',
    ],
    ['a missing key', { source: undefined }, 'products.shop.source: missing'],
    ['no destination', { destinations: {} }, 'products.shop.destinations: name at least one destination'],
    [
      'a destination that is no store',
      { destinations: { local: { store: '/backups' } } },
      'products.shop.destinations.local.store: expected a store, such as directory(path)',
    ],
    [
      'a destination\u2019s name',
      { destinations: { 'Off Site': { store: storeAt('/a') } } },
      'products.shop.destinations.Off Site: not a destination name',
    ],
    [
      'one directory under two names',
      { destinations: { local: { store: storeAt('/a') }, again: { store: storeAt('/a') } } },
      'products.shop.destinations.again.store: the same place as local',
    ],
    ['no schema', { source: { url: secret.env('X'), schemas: [] } }, 'products.shop.source.schemas: name a schema'],
  ])('names the path of %s', (_, part, message) => {
    expect(problemsOf(configWith(part as object))).toEqual([expect.stringContaining(message)])
  })

  it.each(['Shop', 'my shop', '../shop', '-shop', 'shop/eu', 'a'.repeat(64), ''])(
    'refuses the product name %j',
    name => {
      expect(problemsOf({ products: { [name]: product() } })).toEqual([
        expect.stringContaining(`products.${name}: not a product name`),
      ])
    },
  )

  it('names every problem at once, a wrong product name among them', () => {
    const retention = { keepWithin: 'soon' }
    const config = {
      products: {
        Shop: product({ destinations: { local: { store: storeAt('/a'), retention } } }),
        blog: product({ encription: {} }),
      },
      schedules: {},
    }
    expect(problemsOf(config)).toEqual([
      expect.stringContaining('products.Shop.destinations.local.retention.keepWithin: not a duration'),
      'products.blog.encription: unknown key',
      expect.stringContaining('products.Shop: not a product name'),
      'schedules: unknown key',
    ])
  })

  const either = "give either { recipients: ['key.asc'] } or { passphrase: secret.env('NAME') }"
  it.each<[string, unknown, string]>([
    ['nothing', undefined, `encryption: ${either}`],
    ['an empty object', {}, `encryption: ${either}`],
    ['both', { recipients, passphrase: secret.env('P') }, `encryption: ${either}`],
    ['a misspelt key', { recipient: recipients }, `encryption: ${either}`],
    ['a bare passphrase', { passphrase: 'hunter2' }, "encryption.passphrase: expected secret.env('NAME')"],
    ['no recipient', { recipients: [] }, 'encryption.recipients: name at least one public key'],
    ['an empty path', { recipients: [''] }, 'encryption.recipients.0: must not be empty'],
    ['a second, misspelt key', { recipients, privatKey: 'x' }, 'encryption.privatKey: unknown key'],
    [
      'a number for a key',
      { recipients, privateKey: 7 },
      "encryption.privateKey: expected a path or secret.env('NAME')",
    ],
  ])('says one sensible thing about an encryption of %s', (_, encryption, message) => {
    expect(problemsOf(configWith({ encryption }))).toEqual([`products.shop.${message}`])
  })

  it.each([undefined, null, 'text', [], {}, { products: {} }, { products: [] }])('refuses %j as a whole', config => {
    expect(problemsOf(config).length).toBeGreaterThan(0)
  })

  it('never repeats what stands where a secret belongs', () => {
    const url = 'postgres://user:hunter2@db.example.com/shop'
    const problems = problemsOf(configWith({ source: { url }, encryption: { passphrase: 'hunter2' } }))
    expect(problems).toContain("products.shop.source.url: expected secret.env('NAME')")
    expect(problems.join()).not.toContain('hunter2')
  })
})

describe('defineConfig', () => {
  it('returns the configuration as it is', () => {
    const config = configWith({}) as LifeboatConfig
    expect(defineConfig(config)).toBe(config)
  })
})

function problemsOf(config: unknown): readonly string[] {
  try {
    resolveConfig(config)
  } catch (error) {
    if (!isBackupError(error, 'config-invalid')) throw error
    expect(error.hint).toContain('docs/configuration.md')
    return error.message.replace('the configuration is not valid: ', '').split(/; (?=[\w.]+: )/)
  }
  throw new Error('the configuration was taken for valid')
}

function configWith(part: object) {
  return { products: { shop: product(part) } }
}

function product(part: object = {}) {
  const local = { store: storeAt('/backups') }
  return { source: { url: secret.env('DATABASE_URL') }, encryption: { recipients }, destinations: { local }, ...part }
}

/** What the schema can see of a directory store. */
function storeAt(location: string): ObjectStore {
  return { name: 'directory', location, capabilities: {}, put: () => {}, list: () => {} } as unknown as ObjectStore
}
