import type { TableOfContents } from '../archive/archive-header.js'
import type { StoredArtifact } from '../backup/store-everywhere.js'
import type { Lock } from '../encryption/open-pgp.js'
import type { BackupProvider, ProviderBackup } from '../provider/backup-provider.js'
import { type Manifest, manifestFormat } from '../repository/manifest.js'
import { toolName, toolVersion } from '../tool-version.js'

/** Labels by which a mirrored export is known again. */
export const exportLabels = { provider: 'provider', backup: 'provider-backup' } as const

/** A finished mirror of an export, for its manifest. */
export interface MirroredExport {
  readonly product: string
  readonly id: string
  /** When the provider made it. */
  readonly createdAt: Date
  readonly finishedAt: Date
  readonly provider: BackupProvider
  readonly backup: ProviderBackup
  readonly key: string
  readonly lock: Lock
  readonly stored: StoredArtifact
  readonly destinations: readonly string[]
}

/** What the manifest says of a source is what the export says of itself: nobody asked the database. */
export function composeExportManifest(done: MirroredExport): Manifest {
  const { stored, lock, provider, backup } = done
  const { summary } = stored.scan
  const header = summary.toc?.header
  return {
    format: manifestFormat,
    id: done.id,
    product: done.product,
    createdAt: done.createdAt.toISOString(),
    finishedAt: done.finishedAt.toISOString(),
    reason: `${provider.name} export`,
    labels: { [exportLabels.provider]: provider.name, [exportLabels.backup]: backup.id },
    tool: { name: toolName, version: toolVersion },
    source: {
      serverVersion: header?.serverVersion ?? 'unknown',
      database: header?.database ?? 'unknown',
      databaseBytes: summary.tables?.reduce((sum, table) => sum + table.bytes, 0) ?? 0,
      encoding: summary.toc ? encodingOf(summary.toc) : 'unknown',
      extensions: tagsOf(summary.toc, 'EXTENSION').map(name => ({ name, version: 'unknown' })),
      pgDumpVersion: header?.pgDumpVersion ?? 'unknown',
      snapshotCounts: { taken: false, why: 'the provider made this export' },
    },
    artifacts: [
      {
        name: 'export',
        key: done.key,
        kind: 'export',
        storedBytes: stored.storedBytes,
        storedSha256: stored.storedSha256,
        plainBytes: stored.scan.bytes,
        plainSha256: stored.scan.sha256 ?? undefined,
        codec: 'none',
        encryption:
          lock.kind === 'passphrase'
            ? { kind: 'passphrase' }
            : { kind: 'recipients', fingerprints: lock.keys.map(one => one.getFingerprint()) },
      },
    ],
    tables: summary.tables === null ? null : [...summary.tables],
    contents: summary.toc && countByKind(summary.toc),
    largeObjects: null,
    destinations: done.destinations.map(name => {
      const failure = stored.failures.get(name)
      return failure ? { name, outcome: 'failed' as const, code: failure.code } : { name, outcome: 'stored' as const }
    }),
    seal: null,
  }
}

function encodingOf(toc: TableOfContents): string {
  const entry = toc.entries.find(one => one.description === 'ENCODING')
  return /'([^']+)'/.exec(entry?.definition ?? '')?.[1] ?? 'unknown'
}

function tagsOf(toc: TableOfContents | null, kind: string): string[] {
  return toc?.entries.filter(one => one.description === kind).map(one => one.tag) ?? []
}

function countByKind({ entries }: TableOfContents): Record<string, number> {
  const kinds: Record<string, number> = {}
  for (const { description } of entries) kinds[description] = (kinds[description] ?? 0) + 1
  return kinds
}
