const surrogates = 0xd800

/**
 * Orders keys by their UTF-8 bytes, as S3 lists them. Strings compare by UTF-16 units, which puts characters beyond
 * U+FFFF before those from U+E000 on.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0
  const shorter = Math.min(a.length, b.length)
  for (let at = 0; at < shorter; at++) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left === right) continue
    if (left < surrogates || right < surrogates) return left - right
    return Buffer.compare(Buffer.from(a), Buffer.from(b))
  }
  return a.length - b.length
}
