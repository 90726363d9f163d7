import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acquireStoreLock } from '../locks/store-lock.js'
import { directory } from '../store/directory-store.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf } from '../streams/byte-source.js'
import { runSweep, type SweepJob } from './run-sweep.js'

const hour = 3_600_000
const id = '20261121T020000Z-7f3k9q'
const other = '20261120T020000Z-aaaaaa'

function jobOf(store: ObjectStore, ageHours: number, apply: boolean): SweepJob {
  const now = () => new Date(Date.now() + ageHours * hour)
  return { product: 'shop', destination: 'local', store, now, apply, lockLeaseMs: 600_000 }
}

async function fill(store: ObjectStore, keys: readonly string[]): Promise<void> {
  for (const key of keys) await store.put(key, bytesOf('x'))
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  return keys.sort()
}

let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lifeboat-sweep-'))
})
afterAll(() => rm(scratch, { recursive: true }))

describe('a sweep', () => {
  const garbage = [`shop/${id}/database.dump.gz.gpg`, `shop/${id}/files.tar.gz.gpg`]
  const whole = [`shop/${other}/database.dump.gz.gpg`, `shop/${other}/manifest.json`]

  it('shows what has no manifest, and removes it only when told to', async () => {
    const store = memoryStore()
    await fill(store, [...garbage, ...whole])
    const dry = await runSweep(jobOf(store, 25, false), {})
    expect(dry.garbage.map(({ kind, key }) => [kind, key])).toEqual(
      garbage.map(key => ['artifact-without-manifest', key]),
    )
    expect(await keysOf(store)).toEqual([...garbage, ...whole].sort())
    const applied = await runSweep(jobOf(store, 25, true), {})
    expect(applied).toMatchObject({ applied: true, removed: garbage, retained: [] })
    expect(await keysOf(store)).toEqual(whole)
    expect((await runSweep(jobOf(store, 25, true), {})).garbage).toEqual([])
  })

  it('leaves what is younger than a day: it may be under way', async () => {
    const store = memoryStore()
    await fill(store, garbage)
    expect((await runSweep(jobOf(store, 23, true), {})).garbage).toEqual([])
    expect(await keysOf(store)).toEqual([...garbage].sort())
  })

  it('touches none of 500 foreign objects beside ours', async () => {
    const segment = fc.constantFrom(
      id,
      other,
      'locks',
      'verifications',
      'manifest.json',
      'a.gpg',
      'notes',
      'ü',
      'change.txt',
    )
    const keyOf = fc
      .tuple(fc.constantFrom('shop', 'shop2', 'shopping', 'x'), fc.array(segment, { minLength: 1, maxLength: 4 }))
      .map(([first, rest]) => [first, ...rest].join('/'))
      .filter(key => !/^shop\/\d{8}T[^/]+\/[^/]+\.gpg$/.test(key))
    const foreign = [...new Set(fc.sample(keyOf, { numRuns: 20_000, seed: 7 }))].slice(0, 250)
    const plain = Array.from({ length: 500 - foreign.length }, (_, index) => `shop/uploads/${index}.gpg`)
    const store = memoryStore()
    const near = [`shop/${id}-x/database.dump.gz.gpg`, 'shop/abc.gpg', 'shop/locks/notes.json', 'shop/locks/a.b-0.json']
    await fill(store, [...foreign, ...plain, ...near])
    const before = await keysOf(store)
    expect(before.length).toBeGreaterThanOrEqual(500)
    const third = '20261119T020000Z-bbbbbb'
    await fill(store, [`shop/${third}/database.dump.gz.gpg`])
    const { removed } = await runSweep(jobOf(store, 25, true), {})
    expect(removed).toEqual([`shop/${third}/database.dump.gz.gpg`])
    expect(await keysOf(store)).toEqual(before)
  })

  it('clears locks that expired a day ago, and claims to them, and no others', async () => {
    const store = memoryStore()
    const lock = (token: string, expiresHours: number) => {
      const at = new Date(Date.now() + expiresHours * hour).toISOString()
      return JSON.stringify({ token, purpose: 'copy', holder: 'them', acquiredAt: at, expiresAt: at })
    }
    const dead = ['alerts.json', 'change.0a1b-0.json', 'objects-photos.json'].map(name => `shop/locks/${name}`)
    for (const key of dead) await store.put(key, bytesOf(lock('0a1b', 0)))
    await store.put('shop/locks/objects-files.json', bytesOf(lock('0a1b', 30)))
    await store.put('shop/locks/their-own.json', bytesOf(lock('0a1b', 0)))
    const { garbage: found, removed } = await runSweep(jobOf(store, 25, true), {})
    expect(found.map(one => one.kind)).toEqual(dead.map(() => 'expired-lock'))
    expect([...removed].sort()).toEqual(dead)
    expect(await keysOf(store)).toEqual(['shop/locks/objects-files.json', 'shop/locks/their-own.json'])
  })

  it('waits for nobody: a product that is locked is left alone, and says who holds it', async () => {
    const store = memoryStore()
    await fill(store, garbage)
    const now = () => new Date(Date.now() + 25 * hour)
    const lock = await acquireStoreLock(store, {
      ...{ product: 'shop', purpose: 'backup', holder: 'ann@one, process 7', leaseMs: 600_000, now },
    })
    await expect(runSweep(jobOf(store, 25, true), {})).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining('ann@one, process 7'),
    })
    await lock.release()
    expect((await runSweep(jobOf(store, 25, true), {})).removed).toHaveLength(2)
  })

  it('leaves a lock that had expired and is somebody’s by the time that its turn comes', async () => {
    const inner = memoryStore()
    const key = 'shop/locks/objects-files.json'
    const old = '2026-01-01T00:00:00.000Z'
    const lock = { token: '0a1b', purpose: 'backup', holder: 'dead', acquiredAt: old, expiresAt: old }
    await inner.put(key, bytesOf(JSON.stringify(lock)))
    await fill(inner, garbage)
    const store: ObjectStore = {
      ...inner,
      async remove(removed, options) {
        await inner.remove(removed, options)
        if (removed !== garbage[0]) return
        const expiresAt = new Date(Date.now() + 26 * hour).toISOString()
        await inner.put(key, bytesOf(JSON.stringify({ ...lock, token: '2c3d', holder: 'alive', expiresAt })))
      },
    }
    const { removed, retained } = await runSweep(jobOf(store, 25, true), {})
    expect(removed).toEqual(garbage)
    expect(retained).toEqual([])
    expect(await keysOf(inner)).toEqual([key])
  })

  it('reports what the store refuses to remove, and goes on', async () => {
    const inner = memoryStore()
    const store: ObjectStore = {
      ...inner,
      remove: async key => {
        if (key === garbage[0]) throw new Error('held by Object Lock')
        return inner.remove(key)
      },
    }
    await fill(store, garbage)
    const { removed, retained } = await runSweep(jobOf(store, 25, true), {})
    expect(removed).toEqual([garbage[1]])
    expect(retained).toMatchObject([{ key: garbage[0], message: expect.stringContaining('held by Object Lock') }])
  })

  it('clears the unfinished files of a folder, and only those', async () => {
    const path = join(scratch, 'unfinished')
    const store = directory(path)
    await fill(store, whole)
    const [left, fresh] = ['.lifeboat-tmp-0a', '.lifeboat-tmp-0b'].map(name => join(path, `shop/${other}`, name))
    await writeFile(left!, 'half')
    await writeFile(fresh!, 'half')
    await writeFile(join(path, '.lifeboat-tmp-0c'), 'of no product')
    const dayBefore = new Date(Date.now() - 25 * hour)
    await utimes(left!, dayBefore, dayBefore)
    const { garbage: found, removed } = await runSweep(jobOf(store, 0, true), {})
    expect(found).toMatchObject([{ kind: 'unfinished-upload', sizeBytes: 4 }])
    expect(removed).toHaveLength(1)
    expect((await readdir(join(path, `shop/${other}`))).sort()).toEqual([
      '.lifeboat-tmp-0b',
      'database.dump.gz.gpg',
      'manifest.json',
    ])
  })

  it.each(['alerts', 'key-proofs', 'pauses', 'operations', 'provider-secrets', 'verifications', 'locks'])(
    'clears what was never finished beside the backups: %s',
    async folder => {
      const path = join(scratch, `beside-${folder}`)
      const store = directory(path)
      await fill(store, [`shop/${folder}/kept.json`])
      const left = join(path, 'shop', folder, '.lifeboat-tmp-0a')
      await writeFile(left, 'half')
      const dayBefore = new Date(Date.now() - 25 * hour)
      await utimes(left, dayBefore, dayBefore)
      expect((await runSweep(jobOf(store, 0, true), {})).removed).toHaveLength(1)
      expect(await keysOf(store)).toEqual([`shop/${folder}/kept.json`])
    },
  )
})
