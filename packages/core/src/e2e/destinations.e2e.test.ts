import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { ClassStore } from '../../../testkit/src/class-store.js'
import { faulty, type StoreMoment } from '../../../testkit/src/faulty-store.js'
import type {} from '../../../testkit/src/provided-postgres.js'
import {
  directory,
  generateKeyPair,
  type Lifeboat,
  type LifeboatConfig,
  type ObjectStore,
  openLifeboat,
  secret,
} from '../index.js'

const server = new URL(inject('postgres').url)
const url = Object.assign(new URL(server), { pathname: '/many_places' }).href
const day = 24 * 3_600_000
const source = { url: secret.value(url) }
const passphrase = secret.value('correct horse battery')
let folder: string

async function query(database: string, sql: string): Promise<void> {
  const client = new pg.Client(Object.assign(new URL(server), { pathname: `/${database}` }).href)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-places-'))
  await query('postgres', 'create database many_places')
  await query('many_places', 'create table orders as select g as id from generate_series(1, 100) g')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function open(product: Partial<LifeboatConfig['products'][string]>, now: () => Date): Promise<Lifeboat> {
  const config = { source, encryption: { passphrase }, ...product } as LifeboatConfig['products'][string]
  return openLifeboat({ products: { shop: config } }, { deps: { now }, configFolder: folder })
}

/** Every way in which a destination can fail a backup, by the step that fails. */
const ways: readonly ((moment: StoreMoment) => boolean)[] = [
  () => true,
  ({ step, key }) => step === 'put' && key.endsWith('.gpg'),
  ({ step, key }) => step === 'put-chunk' && key.endsWith('.gpg'),
  ({ step, key }) => step === 'head' && key.endsWith('.gpg'),
  ({ step, key }) => step === 'put' && key.endsWith('manifest.json'),
  ({ step, key }) => step === 'put-chunk' && key.endsWith('manifest.json'),
]

describe('a store that is a class', () => {
  it('is backed up to, verified and pruned like any other, under the rules of its destination', async () => {
    let clockMs = Date.parse('2026-11-01T02:00:00Z')
    const now = () => new Date(clockMs)
    const store = new ClassStore(now)
    const own = { store, retention: { last: 1, minimum: 1 }, objectLock: { days: 3 } }
    const lifeboat = await open({ destinations: { own } }, now)
    const ids: string[] = []
    for (let night = 0; night < 2; night++, clockMs += day) {
      const { id, status } = await lifeboat.backup('shop')
      ids.push(id)
      expect([status, (await lifeboat.verify(`shop/${id}`)).findings]).toEqual(['complete', []])
    }
    const [locked] = await lifeboat.prune('shop', { apply: true })
    expect(locked).toMatchObject({
      removed: [],
      retained: [{ id: ids[0], message: expect.stringContaining('locked') }],
    })
    clockMs += 3 * day
    expect(await lifeboat.prune('shop', { apply: true })).toMatchObject([{ removed: [ids[0]], retained: [] }])
    expect((await lifeboat.list()).backups.map(one => one.id)).toEqual([ids[1]])
  })
})

describe('thirty nights', () => {
  it('on which two of three destinations fail in turn lose no backup, and each says exactly which destination has what', async () => {
    const names = ['local', 'nas', 'offsite'] as const
    let clockMs = Date.parse('2026-11-01T02:00:00Z')
    const now = () => new Date(clockMs)
    const failing = new Map<string, (moment: StoreMoment) => boolean>()
    const sound = new Map<string, ObjectStore>(names.map(name => [name, directory(join(folder, name))]))
    const refused = Object.assign(new Error('403 Forbidden'), { code: 'EACCES' })
    const places = Object.fromEntries(
      names.map(name => {
        const fault = (moment: StoreMoment) => {
          if (failing.get(name)?.(moment)) throw refused
        }
        return [name, { store: faulty(sound.get(name)!, fault) }]
      }),
    )
    const lifeboat = await open({ destinations: places }, now)
    const plain = await open(
      { destinations: Object.fromEntries(names.map(name => [name, { store: sound.get(name)! }])) },
      now,
    )
    const expected = new Map<string, string[]>(names.map(name => [name, []]))
    const taken: string[] = []
    for (let night = 0; night < 30; night++, clockMs += day) {
      const survivor = names[night % 3]!
      for (const [index, name] of names.entries())
        if (name === survivor) failing.delete(name)
        else failing.set(name, ways[(night + index) % ways.length]!)
      const { id, status, destinations, manifest } = await lifeboat.backup('shop')
      taken.push(id)
      expected.get(survivor)!.unshift(id)
      expect(status).toBe('partial')
      expect(destinations.map(one => [one.destination, one.outcome])).toEqual(
        names.map(name => [name, name === survivor ? 'stored' : 'failed']),
      )
      for (const { outcome, error } of destinations)
        expect(error?.code).toBe(outcome === 'stored' ? undefined : 'store-refused')
      expect(manifest.destinations.filter(one => one.outcome === 'stored').map(one => one.name)).toContain(survivor)
      // What the result says is what the places hold: nothing more, nothing less.
      for (const name of names) {
        const { backups, unreadable } = await plain.list('shop', { destination: name })
        expect([backups.map(one => one.id), unreadable]).toEqual([expected.get(name), []])
      }
    }
    expect(new Set(taken).size).toBe(30)

    // Every night's backup can be read; and copies close the gaps that the failures left.
    failing.clear()
    const holderOf = (id: string) => names.find(name => expected.get(name)!.includes(id))!
    for (const [index, id] of taken.entries()) {
      const level = index % 10 === 0 ? 'content' : 'stored'
      expect(await plain.verify(`shop/${id}`, { destination: holderOf(id), level })).toMatchObject({ ok: true, level })
    }
    for (const id of taken.slice(-6))
      for (const to of names.filter(name => name !== holderOf(id))) {
        expect((await lifeboat.copy(`shop/${id}`, { to })).outcome).toBe('copied')
        expect((await plain.verify(`shop/${id}`, { destination: to, level: 'stored' })).ok).toBe(true)
      }
    for (const name of names) expect((await plain.sweep('shop', { destination: name }))[0]?.garbage).toEqual([])
  })
})

describe('a destination with readers and a schedule of its own', () => {
  it('takes the first backup of a month, makes up for a night that failed, and is opened by its own key only', async () => {
    const [team, vault] = await Promise.all(['team', 'vault'].map(name => generateKeyPair({ name })))
    for (const [name, pair] of Object.entries({ team: team!, vault: vault! })) {
      await writeFile(join(folder, `${name}.asc`), pair.publicKey)
      await writeFile(join(folder, `${name}-private.asc`), pair.privateKey)
    }
    let broken = true
    const archive = faulty(directory(join(folder, 'archive')), ({ step }) => {
      if (broken && step === 'put') throw Object.assign(new Error('403 Forbidden'), { code: 'EACCES' })
    })
    let clockMs = Date.parse('2026-11-01T02:00:00Z')
    const productWith = (vaultKey: string): Partial<LifeboatConfig['products'][string]> => ({
      encryption: { recipients: ['team.asc'], privateKey: 'team-private.asc' },
      objectives: { rpo: '25h' },
      destinations: {
        daily: { store: directory(join(folder, 'daily')) },
        archive: {
          ...{ store: archive, schedule: { every: 'monthly' } },
          encryption: { recipients: ['vault.asc'], privateKey: vaultKey },
        },
      },
    })
    const lifeboat = await open(productWith('vault-private.asc'), () => new Date(clockMs))
    const night = async () => {
      const result = await lifeboat.backup('shop')
      clockMs += day
      return result
    }
    const outcomesOf = ({ destinations }: Awaited<ReturnType<typeof night>>) => destinations.map(one => one.outcome)
    const failed = await night()
    expect([failed.status, ...outcomesOf(failed)]).toEqual(['partial', 'stored', 'failed'])
    broken = false
    const second = await night()
    expect([second.status, ...outcomesOf(second)]).toEqual(['complete', 'stored', 'stored'])
    const third = await night()
    expect([third.status, ...outcomesOf(third)]).toEqual(['complete', 'stored', 'not-due'])
    expect(third.destinations[1]?.turn).toEqual({ has: second.id, next: '2026-12-01T00:00:00.000Z' })
    const forced = await lifeboat.backup('shop', { to: ['archive'] })
    expect(forced.destinations.map(one => [one.destination, one.outcome])).toEqual([['archive', 'stored']])
    expect(forced.manifest.artifacts[0]?.encryption).toMatchObject({ fingerprints: [vault!.fingerprint] })

    const name = `shop/${second.id}`
    const [there, here] = [await lifeboat.show(name, { destination: 'archive' }), await lifeboat.show(name)]
    expect(here.manifest.artifacts[0]?.encryption).toMatchObject({ fingerprints: [team!.fingerprint] })
    expect(there.manifest.artifacts[0]?.encryption).toMatchObject({ fingerprints: [vault!.fingerprint] })
    // One dump: what lies inside is the same to the last byte.
    expect(there.manifest.tables).toEqual(here.manifest.tables)
    expect(there.manifest.artifacts[0]?.frameSha256).toBe(here.manifest.artifacts[0]?.frameSha256)
    for (const destination of ['daily', 'archive'])
      expect((await lifeboat.verify(name, { destination })).findings.map(one => one.code)).toEqual([
        'manifest-unsealed',
      ])
    // A month-old archive is as old as it may be, whatever the RPO is.
    clockMs += 25 * day
    const late = await lifeboat.verify(`shop/${forced.id}`, { destination: 'archive' })
    expect(late.findings.map(one => one.code)).not.toContain('backup-too-old')

    const outsider = await open(productWith('team-private.asc'), () => new Date(clockMs))
    const refused = await outsider.verify(name, { destination: 'archive' })
    expect(refused.findings.map(one => one.code)).toContain('wrong-key')
    await expect(lifeboat.copy(`shop/${third.id}`, { to: 'archive' })).rejects.toMatchObject({ code: 'config-invalid' })
  })
})
