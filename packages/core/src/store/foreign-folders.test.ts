import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { bytesOf } from '../streams/byte-source.js'
import { runSweep } from '../sweep/run-sweep.js'
import { directory } from './directory-store.js'

const nobody = 65_534
let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lifeboat-foreign-'))
})
afterEach(() => rm(root, { recursive: true }))

/** Root reads everything, so this is done as somebody else. */
async function asUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work()
  process.seteuid!(nobody)
  try {
    return await work()
  } finally {
    process.seteuid!(0)
  }
}

it('a sweep does not look into folders of others, such as lost+found at the root of a disk', async () => {
  await chmod(root, 0o777)
  await mkdir(join(root, 'lost+found'), { mode: 0o000 })
  const job = { product: 'shop', destination: 'local', store: directory(root), now: () => new Date() }
  const swept = await asUser(async () => {
    await job.store.put('shop/20261121T020000Z-7f3k9q/database.dump.gz.gpg', bytesOf('x'))
    await writeFile(join(root, 'shop/20261121T020000Z-7f3k9q/.lifeboat-tmp-0a'), 'half')
    return runSweep({ ...job, now: () => new Date(Date.now() + 25 * 3_600_000), apply: true, lockLeaseMs: 600_000 }, {})
  })
  expect(swept.garbage.map(one => one.kind).sort()).toEqual(['artifact-without-manifest', 'unfinished-upload'])
  expect(swept.retained).toEqual([])
})
