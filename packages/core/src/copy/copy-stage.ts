import type { Artifact, Manifest } from '../repository/manifest.js'
import type { ByteSource } from '../streams/byte-source.js'

/** What an artifact becomes on its way: bytes to store in place of those that came, and how they are encrypted. */
export interface Transformed {
  readonly bytes: ByteSource
  readonly encryption: Artifact['encryption']
}

/**
 * What is done to a backup while it is copied; without a stage it is stored as it lies, its manifest byte for byte.
 *
 * The copy's manifest is composed from the one that was read: with the artifacts' new length, hash and encryption, and
 * with a new id where `id` gives one. All else that it says of the dump stays true, since only the encryption changes.
 */
export interface CopyStage {
  /** The id of the copy; with it the copy may lie beside the backup in one destination. Default: that of the backup. */
  readonly id?: string | undefined
  /**
   * Gives what is to be stored in place of an artifact. `stored` throws at its end where it was not what the manifest
   * records, so a stage that passes errors on can never complete over damage.
   */
  transform(artifact: Artifact, stored: ByteSource): Promise<Transformed> | Transformed
  /** Seals the manifest of what was transformed: the old seal does not fit it. May add labels before it does. */
  seal(manifest: Manifest): Promise<Manifest>
}
