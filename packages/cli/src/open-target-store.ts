import { directory, type ObjectStore } from '@lifeboat/core'
import type { CliIo } from './cli-io.js'
import { isAddress, localPath, s3OptionsOf } from './open-address.js'
import { UsageError } from './usage-error.js'

/**
 * Where objects are restored to: `source` (where they came from), a folder, or `s3://bucket/prefix`, which is reached as
 * the AWS tools reach it.
 */
export async function openTargetStore(io: CliIo, address: string): Promise<ObjectStore | 'source'> {
  if (address === 'source') return 'source'
  if (!isAddress(address, io.cwd))
    throw new UsageError(
      `not a place to restore to: ${JSON.stringify(address)}`,
      'name a folder (./restored), an address (s3://bucket/prefix), or source',
    )
  if (!/^s3:/i.test(address)) return directory(localPath(address, io))
  const { parseS3Url, s3 } = await import('@lifeboat/provider-s3')
  const { bucket, key } = parseS3Url(address)
  return s3({ bucket, prefix: key, ...s3OptionsOf(io.env) })
}
