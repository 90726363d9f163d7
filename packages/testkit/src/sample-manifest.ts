import { type Manifest, manifestSchema } from '../../core/src/repository/manifest.js'

/** A small valid manifest, unsealed, of one artifact of three bytes. */
export function sampleManifest(id: string, changes: Partial<Manifest> = {}): Manifest {
  const hash = 'a'.repeat(64)
  const time = `${id.slice(0, 4)}-${id.slice(4, 6)}-${id.slice(6, 8)}T${id.slice(9, 11)}:00:00.000Z`
  return manifestSchema.parse({
    ...{ format: 'lifeboat/1', id, product: 'shop', createdAt: time, finishedAt: time, reason: 'test', labels: {} },
    tool: { name: 'lifeboat', version: '0.1.0' },
    source: {
      ...{ serverVersion: '17.2', database: 'shop', databaseBytes: 1, encoding: 'UTF8', extensions: [] },
      ...{ pgDumpVersion: '17.2', snapshotCounts: { taken: true, why: null } },
    },
    artifacts: [
      {
        ...{ name: 'database', key: `shop/${id}/database.dump.gz.gpg`, kind: 'database', codec: 'gzip' },
        ...{ storedBytes: 3, storedSha256: hash, plainBytes: 20, plainSha256: hash },
        encryption: { kind: 'passphrase' },
      },
    ],
    tables: [],
    destinations: [{ name: 'local', outcome: 'stored' }],
    seal: null,
    ...changes,
  })
}
