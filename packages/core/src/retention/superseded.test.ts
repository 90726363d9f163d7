import { describe, expect, it } from 'vitest'
import { sampleManifest } from '../../../testkit/src/sample-manifest.js'
import type { Manifest } from '../repository/manifest.js'
import { hashManifest } from '../repository/manifest-hash.js'
import { findSuperseded, planSuperseded } from './superseded.js'

const seal = { kind: 'hmac' as const, salt: 'a'.repeat(32), value: 'b'.repeat(64) }
const old = sampleManifest('20261121T020000Z-aaaaaa')
const from = { id: old.id, manifestSha256: hashManifest(old), at: '2026-11-22T02:00:00.000Z' }
const anew = (changes: Partial<Manifest> = {}) =>
  sampleManifest('20261121T020000Z-bbbbbb', { rotatedFrom: from, seal, ...changes })
const found = (one: Manifest, verified: readonly string[] = [old.id, one.id]) => [
  ...findSuperseded([one, old], new Set(verified)),
]

describe('a backup that was encrypted anew', () => {
  it('is superseded by the new one, once that was verified', () => {
    expect(found(anew())).toEqual([[old.id, anew().id]])
    expect(found(anew(), [old.id])).toEqual([])
  })

  it('is not by one that anybody may have written, of another age or of another manifest', () => {
    expect(found(anew({ seal: null }))).toEqual([])
    expect(found(anew({ createdAt: '2026-11-21T03:00:00.000Z' }))).toEqual([])
    expect(found(anew({ rotatedFrom: { ...from, manifestSha256: 'c'.repeat(64) } }))).toEqual([])
    expect(found(anew({ rotatedFrom: { ...from, id: '20261121T020000Z-cccccc' } }))).toEqual([])
  })

  it('goes where rules let something go and enough stays, and else says why it is kept', () => {
    const plan = { keep: [], remove: [] }
    const superseded = [{ id: old.id, createdAt: old.createdAt, as: 'the-new-one' }]
    const planned = (policy: { minimum: number; daily?: number }, verifiedLeft: number) =>
      planSuperseded(plan, superseded, { policy, verifiedLeft })
    expect(planned({ minimum: 3, daily: 7 }, 3).remove[0]?.reasons).toEqual(['encrypted anew as the-new-one'])
    expect(planned({ minimum: 3 }, 3).keep[0]?.reasons).toEqual(['no rule'])
    const few = planned({ minimum: 3, daily: 7 }, 2)
    expect(few.remove).toEqual([])
    expect(few.keep[0]?.reasons.at(-1)).toBe('fewer than 3 verified backups: verify first')
  })
})
