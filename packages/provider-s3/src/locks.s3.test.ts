import { randomUUID } from 'node:crypto'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { type ScratchServer, startScratchServer } from '@lifeboat/core/scratch'
import { afterAll, inject } from 'vitest'
import type {} from '../../testkit/src/global-setup-s3.js'
import { locksBetweenHosts } from '../../testkit/src/locks-between-hosts.js'
import { s3 } from './s3-store.js'

let server: ScratchServer | undefined
afterAll(() => server?.stop())

locksBetweenHosts('an S3 bucket', async () => {
  server = await startScratchServer()
  const { endpoint, ...credentials } = inject('s3')
  const bucket = `locks-${randomUUID()}`
  const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  const options = { bucket, endpoint, conditionalPut: true }
  return {
    serverUrl: server.url(),
    store: s3({ ...options, credentials }),
    storeText: `s3({ ...${JSON.stringify(options)}, credentials: { accessKeyId: env.HOST_ACCESS_KEY, secretAccessKey: env.HOST_SECRET_KEY } })`,
    env: { HOST_ACCESS_KEY: credentials.accessKeyId, HOST_SECRET_KEY: credentials.secretAccessKey },
  }
})
