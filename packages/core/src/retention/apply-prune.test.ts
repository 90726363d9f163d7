import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sampleManifest } from '../../../testkit/src/sample-manifest.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf } from '../streams/byte-source.js'
import { type PruneJob, runPrune } from './apply-prune.js'

const hourMs = 3_600_000
const now = new Date('2026-12-01T00:00:00Z')

/** What lies in a store before a prune: backups, each with what becomes of it, and keys of somebody else. */
const situations = fc.record({
  backups: fc.uniqueArray(
    fc.record({
      ageHours: fc.integer({ min: 1, max: 400 }),
      verified: fc.boolean(),
      fate: fc.constantFrom('free', 'free', 'free', 'locked', 'refused'),
    }),
    { selector: one => one.ageHours, maxLength: 12 },
  ),
  foreign: fc.array(
    fc.constantFrom('shop/notes.txt', 'shop/uploads/a.gpg', 'shop2/x', 'shop/verifications/readme', 'shop/locks/x.txt'),
    { maxLength: 4 },
  ),
  last: fc.integer({ min: 1, max: 4 }),
  minimum: fc.integer({ min: 1, max: 3 }),
})

describe('a prune of a real store', () => {
  it('removes what its plan says, except what is refused, touches nothing foreign, and has nothing more to do after', async () => {
    const met = { removed: 0, locked: 0, refused: 0, foreign: 0 }
    await fc.assert(
      fc.asyncProperty(situations, async ({ backups, foreign, last, minimum }) => {
        const inner = memoryStore()
        for (const key of foreign) await inner.put(key, bytesOf('not ours'))
        const fates = new Map<string, string>()
        for (const one of backups) fates.set(await putBackup(inner, one), one.fate)
        const store = guarded(inner, fates)
        const job: PruneJob = {
          ...{ product: 'shop', destination: 'local', store, apply: true, lockLeaseMs: 600_000, now: () => now },
          ...{ policy: { last, minimum }, recordKeys: { signers: [] } },
        }
        const { plan, removed, retained } = await runPrune(job, {})
        expect([...removed, ...retained.map(one => one.id)].sort()).toEqual(plan.remove.map(one => one.id).sort())
        for (const { id } of retained) expect(fates.get(id)).not.toBe('free')
        // What a place keeps by its rules is no failure; what it refuses is one.
        for (const { id, code } of retained)
          expect(code).toBe(fates.get(id) === 'locked' ? undefined : ('unexpected' as const))
        for (const id of removed) expect(await keysUnder(inner, `shop/${id}/`)).toEqual([])
        // Refused before anything of it went: a backup that stays is whole.
        for (const { id } of [...plan.keep, ...retained]) expect(await keysUnder(inner, `shop/${id}/`)).toHaveLength(2)
        for (const key of foreign) expect(await inner.head(key)).toBeDefined()
        const again = await runPrune(job, {})
        expect(again.removed).toEqual([])
        expect(again.retained.map(one => one.id)).toEqual(retained.map(one => one.id))
        met.removed += removed.length
        met.foreign += foreign.length
        for (const { id } of retained) met[fates.get(id) as 'locked' | 'refused']++
      }),
      { numRuns: 200 },
    )
    expect(Math.min(...Object.values(met)), JSON.stringify(met)).toBeGreaterThan(20)
  })
})

/** A store that keeps some backups: tells so beforehand (Object Lock), or refuses when asked to remove. */
function guarded(inner: ObjectStore, fates: ReadonlyMap<string, string>): ObjectStore {
  const fateOf = (key: string) => fates.get(key.split('/')[1] ?? '')
  return {
    ...inner,
    async head(key, options) {
      const found = await inner.head(key, options)
      const locked = found !== undefined && key.endsWith('.gpg') && fateOf(key) === 'locked'
      return locked ? { ...found, retained: 'locked until 2030-01-01T00:00:00.000Z' } : found
    },
    async remove(key, options) {
      if (fateOf(key) === 'refused') throw new Error('AccessDenied')
      await inner.remove(key, options)
    },
  }
}

async function putBackup(
  store: ObjectStore,
  { ageHours, verified }: { readonly ageHours: number; readonly verified: boolean },
): Promise<string> {
  const at = new Date(now.getTime() - ageHours * hourMs)
  const id = `${at.toISOString().slice(0, 13).replaceAll('-', '')}0000Z-${ageHours.toString().padStart(6, '0')}`
  const manifest = sampleManifest(id)
  const { key, storedSha256 } = manifest.artifacts[0]!
  await store.put(key, bytesOf('abc'))
  await store.put(`shop/${id}/manifest.json`, bytesOf(JSON.stringify(manifest)))
  const record = { id, at: at.toISOString(), level: 'content', ok: verified, storedSha256: [storedSha256] }
  await store.put(`shop/verifications/${id}.json`, bytesOf(JSON.stringify(record)))
  return id
}

async function keysUnder(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys
}
