import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { beginS3Service, type S3Guest } from './s3-service.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** One S3 service for the whole run; every test makes its own bucket or prefix. */
    s3: { readonly endpoint: string; readonly accessKeyId: string; readonly secretAccessKey: string }
    /** Another user of it, who may do what the policy of a bucket says. */
    s3Guest: S3Guest
    /** A file that is there once the service answers, or will not: then it says why. */
    s3Ready: string
  }
}

/**
 * Starts the service that `inject('s3')` names, beside the tests that need none; vitest calls what this returns when the
 * run is over.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { endpoint, accessKeyId, secretAccessKey, guest, ready, stop } = await beginS3Service()
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-s3-ready-'))
  const file = join(folder, 'ready')
  const told = ready.then(
    () => tell(file, ''),
    (error: Error) => tell(file, `${error.message}: ${error.cause}`),
  )
  project.provide('s3', { endpoint, accessKeyId, secretAccessKey })
  project.provide('s3Guest', guest)
  project.provide('s3Ready', file)
  return async () => {
    await told
    await stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** The file is whole when it has its name. */
async function tell(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}
