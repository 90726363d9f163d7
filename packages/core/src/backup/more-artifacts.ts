import type { ArchiveSummary } from '../archive/archive-scanner.js'
import type { Scan } from '../archive/scan-stage.js'
import { type BundleTrouble, bundleSource, type PlannedBundle } from '../files/backup-bundles.js'
import { type BundleScan, bundleScanned } from '../files/scan-bundle.js'
import type { Artifact } from '../repository/manifest.js'
import type { DumpedRoles } from '../roles/dump-roles.js'
import { type ByteSource, bytesOf } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import type { StoredArtifact } from './store-everywhere.js'

/** Stores one more artifact in the destinations that have all the others. */
export type StoreOne = (work: {
  readonly key: string
  readonly source: (signal: AbortSignal) => ByteSource
  readonly scan: (source: ByteSource, done: (scan: Scan) => void) => ByteSource
  readonly expectedBytes: number
}) => Promise<StoredArtifact>

/** What an artifact's record has besides its name, key and kind. */
export type ArtifactFacts = Omit<Artifact, 'name' | 'key' | 'kind' | 'codec' | 'encryption'>

/** Stores a bundle of files: packed, read back on the way to the proven end of the archive, and then as every artifact. */
export async function storeBundle(
  bundle: PlannedBundle,
  key: string,
  store: StoreOne,
  emit: Parameters<typeof bundleSource>[2]['emit'],
): Promise<ArtifactFacts> {
  const trouble: BundleTrouble = { changed: 0, leftOut: 0 }
  let found: BundleScan | undefined
  const stored = await store({
    key,
    source: signal => bundleSource(bundle, trouble, { emit, signal }),
    scan: (source, done) =>
      bundleScanned(source, scan => {
        found = scan
        done({ summary: noArchive(scan.bytes), bytes: scan.bytes, sha256: scan.sha256 })
      }),
    expectedBytes: bundle.expectedBytes,
  })
  return { ...factsOf(stored), files: { ...found!.summary, ...trouble } }
}

/** The scan of what is no archive of pg_dump. */
export function noArchive(bytes: number): ArchiveSummary {
  return { bytes, unknownBecause: null, frameSha256: null, toc: null, tables: null, largeObjects: null }
}

export function factsOf({ storedBytes, storedSha256, scan }: StoredArtifact) {
  return { storedBytes, storedSha256, plainBytes: scan.bytes, plainSha256: scan.sha256 ?? undefined }
}

/** Stores the roles of the server. */
export async function storeRoles(roles: DumpedRoles, key: string, store: StoreOne): Promise<ArtifactFacts> {
  const stored = await store({
    key,
    source: () => bytesOf(roles.sql),
    scan: async function* (source, done) {
      const digest = new PassingDigest()
      yield* digest.through(source)
      done({ summary: noArchive(digest.bytes), bytes: digest.bytes, sha256: digest.sha256 })
    },
    expectedBytes: roles.sql.length,
  })
  return { ...factsOf(stored), roles: { count: roles.count } }
}
