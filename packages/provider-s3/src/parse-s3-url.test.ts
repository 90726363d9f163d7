import { describe, expect, it } from 'vitest'
import { parseS3Url } from './parse-s3-url.js'

describe('parseS3Url', () => {
  it.each([
    ['s3://backups/voxanne/x.dump', { bucket: 'backups', key: 'voxanne/x.dump' }],
    ['s3://my.bucket-1/a b+c%20d', { bucket: 'my.bucket-1', key: 'a b+c%20d' }],
    ['s3://backups/', { bucket: 'backups', key: '' }],
    ['s3://backups', { bucket: 'backups', key: '' }],
  ])('reads %s', (url, expected) => {
    expect(parseS3Url(url)).toEqual(expected)
  })

  it.each(['', 's3:/x/y', 'https://bucket/key', 's3://', 's3:///key', 's3://b/key', 's3://-bad/key'])(
    'refuses %j',
    url => {
      expect(() => parseS3Url(url)).toThrow(expect.objectContaining({ code: 'config-invalid' }))
    },
  )

  it('does not repeat the query of a signed address', () => {
    expect(() => parseS3Url('https://bucket/key?X-Amz-Signature=abc')).toThrow(/^(?!.*Signature)/)
  })
})
