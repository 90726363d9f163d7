import { describe, expect, it } from 'vitest'
import { endpointQuirks, quirksOf } from './endpoint-quirks.js'
import { s3 } from './s3-store.js'

describe('quirksOf', () => {
  it.each([
    [undefined, 'Amazon S3'],
    ['https://s3.eu-central-1.amazonaws.com', 'Amazon S3'],
    ['https://s3.cn-north-1.amazonaws.com.cn', 'Amazon S3'],
    ['https://0123abcd.r2.cloudflarestorage.com', 'Cloudflare R2'],
    ['https://0123abcd.eu.r2.cloudflarestorage.com', 'Cloudflare R2'],
    ['https://abcdefghijklmnopqrst.storage.supabase.co/storage/v1/s3', 'Supabase Storage'],
    ['https://fra1.digitaloceanspaces.com', 'DigitalOcean Spaces'],
    ['https://s3.us-west-004.backblazeb2.com', 'Backblaze B2'],
    ['https://s3.eu-central-2.wasabisys.com', 'Wasabi'],
    ['https://s3.fr-par.scw.cloud', 'Scaleway Object Storage'],
    ['https://storage.googleapis.com', 'Google Cloud Storage'],
    ['http://minio:9000', 'MinIO'],
    ['https://minio.internal.example.com', 'MinIO'],
    ['http://ceph-rgw.example.com:7480', 'Ceph'],
    ['http://127.0.0.1:9000', 'an S3-compatible service'],
    ['https://amazonaws.com.example.com', 'an S3-compatible service'],
    ['https://notminios.example.com', 'an S3-compatible service'],
  ])('%s is %s', (endpoint, service) => {
    expect(quirksOf(endpoint).service).toBe(service)
  })

  it('sends extra checksums to Amazon only', () => {
    const supported = endpointQuirks.filter(({ checksums }) => checksums === 'supported')
    expect(supported.map(({ service }) => service)).toEqual(['Amazon S3'])
  })

  it('never claims a conditional completion without a conditional put', () => {
    for (const row of endpointQuirks) expect(row.conditionalPut || !row.conditionalComplete).toBe(true)
  })
})

describe('s3', () => {
  it('states the capabilities of the service, which options override', () => {
    const bucket = 'backups'
    expect(s3({ bucket }).capabilities.conditionalPut).toBe(true)
    expect(s3({ bucket, conditionalPut: false }).capabilities.conditionalPut).toBe(false)
    expect(s3({ bucket, endpoint: 'http://127.0.0.1:1' }).capabilities.conditionalPut).toBe(false)
    expect(s3({ bucket, endpoint: 'http://127.0.0.1:1', conditionalPut: true }).capabilities.conditionalPut).toBe(true)
  })

  it('says where it is, without secrets', () => {
    const credentials = { accessKeyId: 'AKIDSECRET', secretAccessKey: 'SECRET' }
    expect(s3({ bucket: 'backups', prefix: '/a//b/', credentials }).location).toBe('s3://backups/a/b')
    expect(s3({ bucket: 'backups' }).location).toBe('s3://backups')
    expect(JSON.stringify(s3({ bucket: 'backups', credentials }))).not.toContain('SECRET')
  })

  it.each([
    [{ bucket: 'x' }, 'bucket'],
    [{ bucket: 's3://backups' }, 'bucket'],
    [{ bucket: 'backups', endpoint: 'localhost:9000' }, 'endpoint'],
    [{ bucket: 'backups', prefix: '../x' }, 'prefix'],
    [{ bucket: 'backups', maxParts: 20_000 }, 'maxParts'],
    [{ bucket: 'backups', partsInFlight: 0 }, 'partsInFlight'],
    [{ bucket: 'backups', profile: 'p', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } }, 'profile'],
  ])('refuses %j at once', (options, option) => {
    expect(() => s3(options)).toThrow(
      expect.objectContaining({ code: 'config-invalid', message: expect.stringContaining(option) }),
    )
  })

  it('reads no secret when it is made', () => {
    const read = () => {
      throw new Error('read too early')
    }
    s3({ bucket: 'backups', credentials: { accessKeyId: { read }, secretAccessKey: read } })
  })
})
