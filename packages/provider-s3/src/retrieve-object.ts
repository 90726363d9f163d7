import type { RetrievalAsked, RetrieveOptions } from '@lifeboat/core'
import type { S3Connection } from './s3-connection.js'

const hour = 3_600_000

/**
 * How long a retrieval takes at most as a rule, by tier and storage class.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html
 */
const expectedMs: Readonly<Record<RetrieveOptions['tier'], Readonly<Record<string, number>>>> = {
  expedited: { GLACIER: hour / 12 },
  standard: { GLACIER: 5 * hour, DEEP_ARCHIVE: 12 * hour },
  bulk: { GLACIER: 12 * hour, DEEP_ARCHIVE: 48 * hour },
}

/** Asks for an archived object; a request with a quicker tier than the one under way speeds that up. */
export async function retrieveObject(
  { sdk, client }: S3Connection,
  target: { readonly Bucket: string; readonly Key: string },
  asked: { readonly Days: number; readonly tier: RetrieveOptions['tier']; readonly signal: AbortSignal | undefined },
): Promise<RetrievalAsked> {
  const { Days, tier, signal } = asked
  const Tier = ({ expedited: 'Expedited', standard: 'Standard', bulk: 'Bulk' } as const)[tier]
  const RestoreRequest = { Days, GlacierJobParameters: { Tier } }
  const options = { abortSignal: signal }
  try {
    const { StorageClass } = await client.send(new sdk.HeadObjectCommand(target), options)
    try {
      await client.send(new sdk.RestoreObjectCommand({ ...target, RestoreRequest }), options)
    } catch (error) {
      // Somebody has asked already, and as quick as this.
      if ((error as Error).name !== 'RestoreAlreadyInProgress') throw error
    }
    return { expectedMs: expectedMs[tier][StorageClass ?? ''] }
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
