import type { Removal } from '@lifeboat/core'
import { classifyS3Error } from './classify-s3-error.js'
import type { S3Connection } from './s3-connection.js'

interface Target {
  readonly Bucket: string
  readonly Key: string
}

interface Version {
  readonly id: string
  readonly marker: boolean
}

/**
 * Removes an object with all its versions. On a bucket that keeps versions DeleteObject alone answers with success and
 * puts a delete marker in front; what it says about that (`x-amz-delete-marker`) and the list of versions tell.
 */
export async function removeForGood(
  connection: S3Connection,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<Removal> {
  const { sdk, client } = connection
  const options = { abortSignal: signal }
  try {
    let versions = await versionsOf(connection, target, signal)
    if (versions === undefined) {
      if (await hide(connection, target, signal))
        return hidden(target, 'the versions of it cannot be listed, which removes them')
      return (await keptVersions(connection, target.Bucket, signal)) ? untold : gone
    }
    if (versions.length === 1 && !versions[0]!.marker && versions[0]!.id === 'null') {
      // Without versions, or from the time before there were any.
      const answer = await client.send(new sdk.DeleteObjectCommand(target), options)
      if (answer.DeleteMarker !== true) return gone
      versions = (await versionsOf(connection, target, signal)) ?? []
    }
    const refused: { readonly marker: boolean; readonly why: string }[] = []
    for (const { id, marker } of versions) {
      try {
        await client.send(new sdk.DeleteObjectCommand({ ...target, VersionId: id }), options)
      } catch (error) {
        signal?.throwIfAborted()
        if (!isRefusal(error)) throw error
        refused.push({ marker, why: said(error) })
      }
    }
    const kept = refused.filter(one => !one.marker)
    if (kept.length === 0) return gone
    const why = `${kept.length} of ${versions.filter(one => !one.marker).length} versions of ${target.Key} stay: ${kept[0]!.why}`
    if (await isLocking(connection, target.Bucket, signal)) return { state: 'kept', message: why }
    await hide(connection, target, signal)
    return hidden(target, why)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

const gone: Removal = { state: 'gone', message: null }

/** Newest first; undefined where these credentials, or the service, do not list them. */
async function versionsOf(
  { sdk, client }: S3Connection,
  { Bucket, Key }: Target,
  signal: AbortSignal | undefined,
): Promise<Version[] | undefined> {
  const found: Version[] = []
  for (let from: { KeyMarker?: string; VersionIdMarker?: string } = {}, more = true; more; ) {
    try {
      const page = await client.send(new sdk.ListObjectVersionsCommand({ Bucket, Prefix: Key, ...from }), {
        abortSignal: signal,
      })
      const own = (one: { readonly Key?: string | undefined }) => one.Key === Key
      for (const { VersionId } of (page.Versions ?? []).filter(own))
        found.push({ id: VersionId ?? 'null', marker: false })
      for (const { VersionId } of (page.DeleteMarkers ?? []).filter(own))
        found.push({ id: VersionId ?? 'null', marker: true })
      // Other keys with this one as their beginning come after all of its versions.
      more = page.IsTruncated === true && page.NextKeyMarker === Key
      from = {
        ...(page.NextKeyMarker === undefined ? {} : { KeyMarker: page.NextKeyMarker }),
        ...(page.NextVersionIdMarker === undefined ? {} : { VersionIdMarker: page.NextVersionIdMarker }),
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (!isRefusal(error)) throw error
      return undefined
    }
  }
  return found
}

/** What the bucket would only hide it hides: the reader of the listing is then right. Whether it says that it did so. */
async function hide({ sdk, client }: S3Connection, target: Target, signal: AbortSignal | undefined): Promise<boolean> {
  const answer = await client.send(new sdk.DeleteObjectCommand(target), { abortSignal: signal })
  return answer.DeleteMarker === true
}

function hidden({ Key }: Target, why: string): Removal {
  return { state: 'hidden', message: `${Key} is hidden by a delete marker, and kept as a version: ${why}` }
}

const untold: Removal = {
  state: 'removed',
  message:
    'what was removed is in no listing; whether older versions of it are kept, the service does not tell this key',
}

/** Whether the bucket ever kept versions; also where that is not said. */
async function keptVersions({ sdk, client }: S3Connection, Bucket: string, signal: AbortSignal | undefined) {
  try {
    const answer = await client.send(new sdk.GetBucketVersioningCommand({ Bucket }), { abortSignal: signal })
    return answer.Status !== undefined
  } catch (error) {
    signal?.throwIfAborted()
    if (!isRefusal(error)) throw error
    return true
  }
}

/** Whether what was refused may be locked: then nothing of it is hidden. */
async function isLocking({ sdk, client }: S3Connection, Bucket: string, signal: AbortSignal | undefined) {
  try {
    const answer = await client.send(new sdk.GetObjectLockConfigurationCommand({ Bucket }), { abortSignal: signal })
    return answer.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled'
  } catch {
    signal?.throwIfAborted()
    return false
  }
}

function isRefusal(error: unknown): boolean {
  const code = classifyS3Error(error)
  return code === 'store-auth-failed' || code === 'store-refused'
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
