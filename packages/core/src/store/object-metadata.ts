/** What a store keeps beside an object's bytes. */
export interface ObjectMetadata {
  readonly contentType?: string | undefined
  readonly cacheControl?: string | undefined
  readonly contentDisposition?: string | undefined
  readonly contentEncoding?: string | undefined
  readonly contentLanguage?: string | undefined
  /** What its owner noted, by name (`x-amz-meta-…` without that beginning). */
  readonly user?: Readonly<Record<string, string>> | undefined
}
