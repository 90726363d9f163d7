import type { GetObjectCommandOutput, HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import type { ObjectMetadata, StoredObject } from '@lifeboat/core'

type Found = Pick<GetObjectCommandOutput & HeadObjectCommandOutput, 'ContentLength' | 'LastModified' | 'StorageClass'> &
  Pick<HeadObjectCommandOutput, 'ETag'>

/** An object as a listing tells it. */
export function described(found: Found): Omit<StoredObject, 'key'> {
  return {
    sizeBytes: found.ContentLength ?? 0,
    modifiedAt: found.LastModified ?? new Date(0),
    ...(found.StorageClass === undefined ? {} : { storageClass: found.StorageClass }),
    ...(found.ETag === undefined ? {} : { etag: found.ETag }),
  }
}

/** An object as HEAD and GET tell it. An answer with part of an object says how long the whole is. */
export function fullyDescribed(found: GetObjectCommandOutput | HeadObjectCommandOutput): Omit<StoredObject, 'key'> {
  const whole = /\/(\d+)$/.exec(found.ContentRange ?? '')?.[1]
  return {
    ...described(whole === undefined ? found : { ...found, ContentLength: Number(whole) }),
    metadata: metadataOf(found),
  }
}

function metadataOf(found: GetObjectCommandOutput | HeadObjectCommandOutput): ObjectMetadata {
  const user = found.Metadata ?? {}
  const all: ObjectMetadata = {
    contentType: found.ContentType,
    cacheControl: found.CacheControl,
    contentDisposition: found.ContentDisposition,
    contentEncoding: found.ContentEncoding,
    contentLanguage: found.ContentLanguage,
    user: Object.keys(user).length === 0 ? undefined : user,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== ''))
}
