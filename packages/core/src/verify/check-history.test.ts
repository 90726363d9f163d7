import { describe, expect, it } from 'vitest'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import { type Manifest, manifestFormat } from '../repository/manifest.js'
import { memoryStore } from '../store/memory-store.js'
import { bytesOf } from '../streams/byte-source.js'
import { historyFindings } from './check-history.js'

const hour = 3_600_000
const first = Date.parse('2026-11-01T02:00:00Z')
const hash = 'a'.repeat(64)

/** One backup a day, of these sizes; the last is the newest. */
async function history(sizes: readonly number[]): Promise<LocatedBackup[]> {
  const store = memoryStore()
  const located: LocatedBackup[] = []
  for (const [day, storedBytes] of sizes.entries()) {
    const createdAt = new Date(first + day * 24 * hour).toISOString()
    const id = `202611${String(day + 1).padStart(2, '0')}T020000Z-aaaaaa`
    const manifest: Manifest = {
      ...{
        format: manifestFormat,
        id,
        product: 'shop',
        createdAt,
        finishedAt: createdAt,
        reason: 'scheduled',
        labels: {},
      },
      tool: { name: 'lifeboat', version: '0.1.0' },
      source: {
        ...{ serverVersion: '15.18', database: 'shop', databaseBytes: 1, encoding: 'UTF8', extensions: [] },
        ...{ pgDumpVersion: '15.18', snapshotCounts: { taken: true, why: null } },
      },
      artifacts: [
        {
          ...{
            name: 'database',
            key: `shop/${id}/database.dump.gz.gpg`,
            kind: 'database' as const,
            codec: 'gzip' as const,
          },
          ...{
            storedBytes,
            storedSha256: hash,
            plainBytes: 1,
            plainSha256: hash,
            encryption: { kind: 'passphrase' as const },
          },
        },
      ],
      ...{ tables: [], contents: null, largeObjects: null, destinations: [], seal: null },
    }
    await store.put(`shop/${id}/manifest.json`, bytesOf(JSON.stringify(manifest)))
    located.push({ store, destination: 'local', folder: `shop/${id}/`, manifest })
  }
  return located
}

const codes = async (backup: LocatedBackup, ageHours: number, rpoMs: number | null = 24 * hour) => {
  const now = new Date(Date.parse(backup.manifest.createdAt) + ageHours * hour)
  return (await historyFindings(backup, { rpoMs: rpoMs ?? undefined, now, criticalTables: [] }, undefined)).map(
    ({ severity, code }) => [severity, code],
  )
}

describe('a backup among its neighbours', () => {
  it('that is the newest must be younger than the RPO', async () => {
    const [old, newest] = await history([100, 100])
    expect(await codes(newest!, 24)).toEqual([])
    expect(await codes(newest!, 24.1)).toEqual([['critical', 'backup-too-old']])
    expect(await codes(newest!, 24.1, null)).toEqual([])
    expect(await codes(old!, 1000)).toEqual([])
  })

  it('that is far from the median of those before it is unusual', async () => {
    for (const [size, expected] of [
      [50, []],
      [49, [['warning', 'size-unusual']]],
      [200, []],
      [201, [['warning', 'size-unusual']]],
      [0, [['warning', 'size-unusual']]],
    ] as const) {
      const backups = await history([1, 90, 100, 110, 100_000, size])
      expect(await codes(backups.at(-1)!, 1)).toEqual(expected)
    }
  })

  it('has nothing to compare with while there are fewer than three before it', async () => {
    const backups = await history([100, 100, 1])
    expect(await codes(backups.at(-1)!, 1)).toEqual([])
  })

  it('says both in hours and bytes', async () => {
    const backups = await history([100, 100, 100, 7])
    const now = new Date(Date.parse(backups.at(-1)!.manifest.createdAt) + 30 * hour)
    const messages = (
      await historyFindings(backups.at(-1)!, { rpoMs: 24 * hour, now, criticalTables: [] }, undefined)
    ).map(one => one.message)
    expect(messages).toEqual([
      'the newest backup, shop/20261104T020000Z-aaaaaa, is 30 h old; the RPO is 24 h',
      'the database in the backup has 7 bytes, the 3 before it 100 in the median',
    ])
  })
})
