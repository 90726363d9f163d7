import { beforeEach, describe, expect, it } from 'vitest'
import { sampleManifest } from '../../../testkit/src/sample-manifest.js'
import type { Lifeboat } from '../api/lifeboat-api.js'
import { secret } from '../config/secret.js'
import { openLifeboat } from '../lifeboat.js'
import { verificationRecordSchema } from '../repository/record-schema.js'
import { writeRecord } from '../repository/verification-record.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf } from '../streams/byte-source.js'

const passphrase = 'correct horse battery'
const now = '2026-11-21T12:00:00.000Z'
const ids = { yesterday: '20261120T020000Z-aaaaaa', soon: '20261121T120500Z-bbbbbb', ahead: '20360101T020000Z-cccccc' }
let store: ObjectStore
let lifeboat: Lifeboat

beforeEach(async () => {
  store = memoryStore()
  lifeboat = await openLifeboat(
    {
      products: {
        shop: {
          source: { url: secret.env('LIFEBOAT_TEST_NOT_SET') },
          encryption: { passphrase: secret.value(passphrase) },
          destinations: { local: { store } },
        },
      },
    },
    { deps: { now: () => new Date(now) } },
  )
})

async function backUp(id: string, createdAt: string): Promise<void> {
  const manifest = sampleManifest(id, { createdAt, finishedAt: createdAt })
  await store.put(`shop/${id}/manifest.json`, bytesOf(JSON.stringify(manifest)))
}

async function verified(id: string, at: string): Promise<void> {
  const facts = { product: 'shop', id, destination: 'local', at, ok: true, storedSha256: [], level: 'content' }
  const record = verificationRecordSchema.parse(facts)
  await writeRecord(store, record, { sealer: { kind: 'hmac', passphrase } })
}

describe('when a job was last done', () => {
  it('is not told by what was made under a clock that was years ahead: nothing would be due until then', async () => {
    await backUp(ids.yesterday, '2026-11-20T02:00:00.000Z')
    await verified(ids.yesterday, '2026-11-20T05:00:00.000Z')
    await backUp(ids.ahead, '2036-01-01T02:00:00.000Z')
    await verified(ids.ahead, '2036-01-01T05:00:00.000Z')
    expect(await lifeboat.lastDone('shop', 'backup')).toEqual(new Date('2026-11-20T02:00:00.000Z'))
    expect(await lifeboat.lastDone('shop', 'verify')).toEqual(new Date('2026-11-20T05:00:00.000Z'))
  })

  it('is told by what a machine made whose clock is some minutes ahead', async () => {
    await backUp(ids.soon, '2026-11-21T12:05:00.000Z')
    await verified(ids.soon, '2026-11-21T12:06:00.000Z')
    expect(await lifeboat.lastDone('shop', 'backup')).toEqual(new Date('2026-11-21T12:05:00.000Z'))
    expect(await lifeboat.lastDone('shop', 'verify')).toEqual(new Date('2026-11-21T12:06:00.000Z'))
  })
})
