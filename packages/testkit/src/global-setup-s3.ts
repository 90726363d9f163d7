import type { TestProject } from 'vitest/node'
import { type S3Guest, startS3Service } from './s3-service.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** One S3 service for the whole run; every test makes its own bucket or prefix. */
    s3: { readonly endpoint: string; readonly accessKeyId: string; readonly secretAccessKey: string }
    /** Another user of it, who may do what the policy of a bucket says. */
    s3Guest: S3Guest
  }
}

/** Starts the service that `inject('s3')` names; vitest calls what this returns when the run is over. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { endpoint, accessKeyId, secretAccessKey, guest, stop } = await startS3Service()
  project.provide('s3', { endpoint, accessKeyId, secretAccessKey })
  project.provide('s3Guest', guest)
  return stop
}
