import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { directory } from '@lifeboat/core'
import { afterAll, inject } from 'vitest'
import { locksBetweenHosts } from '../../../testkit/src/locks-between-hosts.js'
import type {} from '../../../testkit/src/provided-postgres.js'

let folder: string | undefined
afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

locksBetweenHosts('a folder', async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-locks-'))
  const serverUrl = inject('postgres').url
  return { serverUrl, store: directory(folder), storeText: `directory(${JSON.stringify(folder)})` }
})
