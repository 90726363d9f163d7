import { BackupError } from '@lifeboat/core'

/** What an `s3://` address names. */
export interface S3Location {
  readonly bucket: string
  /** The key or prefix behind the bucket, taken as it stands (no percent-decoding); empty for the bucket itself. */
  readonly key: string
}

/**
 * Reads an `s3://bucket/key` address, the way the AWS command line writes it.
 * @throws BackupError `config-invalid`
 */
export function parseS3Url(url: string): S3Location {
  const match = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:\/(.*))?$/is.exec(url)
  if (!match) {
    // The address is not repeated in full: somebody may have pasted one with a signature in it.
    throw new BackupError(
      'config-invalid',
      `not an s3:// address: ${JSON.stringify(url.split('?')[0]?.slice(0, 100))}`,
      {
        hint: 'write s3://bucket/path/to/object',
      },
    )
  }
  return { bucket: match[1]!, key: match[2] ?? '' }
}
