import { describe, expect, it } from 'vitest'
import { memoryStore } from '../store/memory-store.js'
import { bytesOf } from '../streams/byte-source.js'
import type { DrillRecord, VerificationRecord } from './record-schema.js'
import { newestProofs, readRecords, writeRecord } from './verification-record.js'

const place = { product: 'shop', destination: 'local' }

const facts = {
  ...{ ...place, id: 'one', durationMs: 5, storedSha256: ['aa'], findings: [] },
  checks: [{ name: 'size', ok: true, detail: null }],
  ...{ backupCreatedAt: '2026-11-21T02:00:00Z', storedBytes: 1, plainBytes: 2, tables: 3, rows: 4 },
}

const verification: VerificationRecord = {
  ...facts,
  ...{ kind: 'verification', at: '2026-11-21T05:00:00.123Z', level: 'content', live: false, ok: true },
}

const drill: DrillRecord = {
  ...facts,
  ...{ kind: 'drill', at: '2026-11-22T05:00:00.000Z', level: 'restored', ok: false },
  ...{ startedAt: '2026-11-22T04:59:00.000Z', finishedAt: '2026-11-22T05:00:00.000Z' },
  steps: [{ step: 'find', startedAfterMs: 0, durationMs: 7.5 }],
  proof: {
    ...{
      kind: 'content',
      tables: 3,
      rows: 4,
      countedOnly: 0,
      sequences: 1,
      largeObjects: 0,
      entries: 30,
      differences: 1,
    },
  },
  objectives: {
    ...{ ageMs: 10, rpoMs: 100, rpoMet: true, recoveryMs: 20, totalMs: 60_000, rtoMs: null, rtoMet: null },
  },
  scratch: { kind: 'local', serverVersion: '17.5' },
  leftOut: [{ entry: 'EVENT TRIGGER spy', reason: 'it would run in the drill' }],
  databaseBytes: 8,
}

describe('verification and drill records', () => {
  it('come back as they were written, oldest first', async () => {
    const store = memoryStore()
    await writeRecord(store, drill)
    const key = await writeRecord(store, verification)
    expect(key).toBe('shop/verifications/20261121T050000123Z-one.json')
    expect(await readRecords(store, place)).toEqual([verification, drill])
  })

  it('are written once', async () => {
    const store = memoryStore()
    await writeRecord(store, drill)
    await expect(writeRecord(store, { ...drill, ok: true })).rejects.toMatchObject({ code: 'object-exists' })
  })

  it('of older versions are read, and what is no record is passed over', async () => {
    const store = memoryStore()
    const old = { id: 'one', at: '2026-11-20T05:00:00.000Z', level: 'content', ok: true, storedSha256: ['aa'] }
    await store.put('shop/verifications/a.json', bytesOf(JSON.stringify(old)))
    await store.put('shop/verifications/b.json', bytesOf('{"kind":"drill"'))
    await store.put('shop/verifications/c.json', bytesOf(JSON.stringify({ ...drill, steps: undefined })))
    expect(await readRecords(store, place)).toMatchObject([{ ...old, ...place, kind: 'verification', findings: [] }])
  })
})

describe('newestProofs', () => {
  it('takes the newest record at content or above of each backup', () => {
    const listed: VerificationRecord = { ...verification, level: 'listed', at: '2026-11-23T05:00:00.000Z' }
    expect(newestProofs([drill, verification, listed]).get('one')).toBe(drill)
    expect(newestProofs([listed]).size).toBe(0)
  })
})
