import type { HeadObjectCommandOutput, RestoreStatus } from '@aws-sdk/client-s3'
import type { ArchiveState } from '@lifeboat/core'

/**
 * Whether an object lies in an archive, as HEAD tells it: by its storage class, or by the tier that Intelligent-Tiering
 * has put it into; and what `x-amz-restore` says of a retrieval.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
 */
export function archiveOf(
  found: Pick<HeadObjectCommandOutput, 'StorageClass' | 'ArchiveStatus' | 'Restore'>,
  archiveClasses: readonly string[],
): { readonly archive?: ArchiveState } {
  const archived = archiveClasses.includes(found.StorageClass ?? '') || found.ArchiveStatus !== undefined
  if (!archived) return {}
  const { Restore } = found
  if (Restore === undefined) return { archive: { state: 'archived' } }
  if (/ongoing-request="true"/.test(Restore)) return { archive: { state: 'retrieving' } }
  const until = /expiry-date="([^"]+)"/.exec(Restore)?.[1]
  return { archive: { state: 'readable', ...(until === undefined ? {} : { until: new Date(until) }) } }
}

/** The same of a listing, which tells of retrievals only where it is asked to and the service knows how. */
export function archiveOfListed(
  found: { readonly StorageClass?: string | undefined; readonly RestoreStatus?: RestoreStatus | undefined },
  archiveClasses: readonly string[],
): { readonly archive?: ArchiveState } {
  if (!archiveClasses.includes(found.StorageClass ?? '')) return {}
  const { IsRestoreInProgress, RestoreExpiryDate: until } = found.RestoreStatus ?? {}
  if (IsRestoreInProgress === true) return { archive: { state: 'retrieving' } }
  if (until !== undefined) return { archive: { state: 'readable', until } }
  return { archive: { state: 'archived' } }
}
