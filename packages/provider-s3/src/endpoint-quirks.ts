/** What is known of a service that speaks S3, by the name of its hosts. */
export interface EndpointQuirks {
  readonly service: string
  readonly hosts: RegExp
  /**
   * `supported`: the SDK adds its CRC-32 to uploads. `required`: only where the operation demands a checksum. Many
   * services refuse the SDK's newer default: https://github.com/aws/aws-sdk-js-v3/issues/6810
   */
  readonly checksums: 'supported' | 'required'
  readonly partsInFlight: number
  readonly maxParts: number
  /** All parts but the last must have one size. */
  readonly equalParts: boolean
  /** `PutObject` with `If-None-Match: *` is documented and atomic. */
  readonly conditionalPut: boolean
  /**
   * And so it is in a bucket that keeps versions. Ceph 18 passes over the condition there: then the key is looked at
   * beforehand as well, which a racer can beat.
   */
  readonly conditionalVersions: boolean
  /** `CompleteMultipartUpload` takes `If-None-Match: *` as well. */
  readonly conditionalComplete: boolean
  /** Listings are documented to come in the order of the keys' UTF-8 bytes. */
  readonly listsInOrder: boolean
  /** Storage classes beside the default one mean something. */
  readonly storageClasses: boolean
  /** The classes whose objects must be retrieved before they can be read. */
  readonly archiveClasses: readonly string[]
  /** A listing tells of retrievals when it is asked to (`OptionalObjectAttributes`). */
  readonly listsRetrievals: boolean
  /** Uploads may lock their object, where the bucket has Object Lock. */
  readonly objectLock: boolean
  /** A lock that CreateMultipartUpload names is on the object in the end. Ceph 18 passes over it: then it is set afterwards. */
  readonly locksUploads: boolean
  /** GetBucketPolicyStatus can be believed. Ceph 18 calls every policy public: then the policy itself is read. */
  readonly policyStatus: boolean
  /** Policies know `s3:if-none-match` and `s3:ObjectCreationOperation`. Where a policy does not, it must not name them. */
  readonly policyConditions: boolean
  /** The region to sign for when none is given; undefined leaves it to the environment and profile. */
  readonly region: string | undefined
  /** `https://host/bucket/key` rather than `https://bucket.host/key`. */
  readonly pathStyle: boolean
}

/** What is safe to rely on at a service nobody described: as little as possible. */
const unknownService: EndpointQuirks = {
  service: 'an S3-compatible service',
  hosts: /$^/,
  checksums: 'required',
  partsInFlight: 4,
  maxParts: 10_000,
  equalParts: false,
  conditionalPut: false,
  conditionalVersions: false,
  conditionalComplete: false,
  listsInOrder: false,
  storageClasses: false,
  archiveClasses: [],
  listsRetrievals: false,
  objectLock: false,
  locksUploads: false,
  policyStatus: false,
  policyConditions: false,
  region: 'us-east-1',
  pathStyle: true,
}

/** One row per service; the first whose `hosts` match counts. Every option of `s3()` overrides its row. */
export const endpointQuirks: readonly EndpointQuirks[] = [
  {
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html. The checksum stays on because
    // buckets with Object Lock demand one: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    ...unknownService,
    service: 'Amazon S3',
    hosts: /(^|\.)amazonaws\.com(\.cn)?$/,
    checksums: 'supported',
    conditionalPut: true,
    conditionalVersions: true,
    conditionalComplete: true,
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html (but for directory buckets)
    listsInOrder: true,
    storageClasses: true,
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/archived-objects.html; GLACIER_IR can be read at once.
    archiveClasses: ['GLACIER', 'DEEP_ARCHIVE'],
    listsRetrievals: true,
    objectLock: true,
    locksUploads: true,
    policyStatus: true,
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
    policyConditions: true,
    region: undefined,
    pathStyle: false,
  },
  {
    // https://developers.cloudflare.com/r2/api/s3/conditional-operations/ and
    // https://developers.cloudflare.com/r2/objects/multipart-objects/ (equal parts)
    ...unknownService,
    service: 'Cloudflare R2',
    hosts: /(^|\.)r2\.cloudflarestorage\.com$/,
    partsInFlight: 2,
    equalParts: true,
    conditionalPut: true,
    conditionalVersions: true,
    conditionalComplete: true,
    storageClasses: true,
    region: 'auto',
  },
  {
    // https://supabase.com/docs/guides/storage/s3/compatibility
    ...unknownService,
    service: 'Supabase Storage',
    hosts: /(^|\.)supabase\.(co|in|red)$/,
    partsInFlight: 2,
  },
  {
    // https://docs.digitalocean.com/reference/api/spaces/ (the host names carry the region)
    ...unknownService,
    service: 'DigitalOcean Spaces',
    hosts: /(^|\.)digitaloceanspaces\.com$/,
    pathStyle: false,
  },
  {
    // https://www.backblaze.com/docs/cloud-storage-s3-compatible-api and
    // https://www.backblaze.com/apidocs/s3-get-object-lock-configuration
    ...unknownService,
    service: 'Backblaze B2',
    hosts: /(^|\.)backblazeb2\.com$/,
    objectLock: true,
  },
  {
    // https://docs.wasabi.com/docs/wasabi-api and
    // https://docs.wasabi.com/apidocs/object-lock-with-the-wasabi-s3-api
    ...unknownService,
    service: 'Wasabi',
    hosts: /(^|\.)wasabisys\.com$/,
    objectLock: true,
  },
  {
    // 1,000 parts: https://www.scaleway.com/en/docs/object-storage/api-cli/multipart-uploads/
    // https://www.scaleway.com/en/docs/object-storage/api-cli/using-conditional-writes/
    ...unknownService,
    service: 'Scaleway Object Storage',
    hosts: /(^|\.)scw\.cloud$/,
    maxParts: 1000,
    conditionalPut: true,
    conditionalVersions: true,
    storageClasses: true,
    // https://www.scaleway.com/en/docs/object-storage/api-cli/object-lock/ and
    // https://www.scaleway.com/en/docs/object-storage/how-to/restore-an-object-from-glacier/
    archiveClasses: ['GLACIER'],
    objectLock: true,
  },
  {
    // Its preconditions are generation numbers, not If-None-Match: https://cloud.google.com/storage/docs/xml-api/put-object-upload
    ...unknownService,
    service: 'Google Cloud Storage',
    hosts: /^storage\.googleapis\.com$/,
    region: 'auto',
  },
  {
    // https://min.io/docs/minio/linux/reference/s3-api-compatibility.html
    ...unknownService,
    service: 'MinIO',
    hosts: /(^|[.-])minio([.-]|$)|^play\.min\.io$/,
    conditionalPut: true,
    conditionalVersions: true,
    conditionalComplete: true,
    objectLock: true,
  },
  {
    // Ceph 18 and newer take If-None-Match on PutObject, older ones answer 501 or pass over it; a host name does not
    // tell which it is. https://docs.ceph.com/en/latest/radosgw/s3/. Its storage classes are pools by a name: one that
    // is called GLACIER is read like any other.
    ...unknownService,
    service: 'Ceph',
    hosts: /(^|[.-])(ceph|rgw|radosgw)([.-]|$)/,
    storageClasses: true,
    objectLock: true,
  },
]

/** The row for an endpoint; no endpoint means Amazon S3. */
export function quirksOf(endpoint: string | undefined): EndpointQuirks {
  if (endpoint === undefined) return endpointQuirks[0]!
  const host = new URL(endpoint).hostname
  return endpointQuirks.find(({ hosts }) => hosts.test(host)) ?? unknownService
}
