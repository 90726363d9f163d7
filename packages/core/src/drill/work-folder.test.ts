import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { hostMark, makeWorkFolder, sweepWorkFolders } from './work-folder.js'

/** No process has this number: it is past what a kernel gives. */
const gone = 2 ** 30
let parent: string

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'lifeboat-sweep-'))
  // A server's own user must reach it.
  await chmod(parent, 0o755)
  vi.stubEnv('TMPDIR', parent)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(parent, { recursive: true })
})

/** A folder as a drill of that machine has just made it, with nothing in it yet. */
async function leave(host: string, tail: string): Promise<string> {
  const name = `lifeboat-drill-${gone}-1-${hostMark(host)}-${tail}`
  await mkdir(join(parent, name))
  return name
}

it('removes folders of processes of this machine that are gone, however early, and no others', async () => {
  const ours = await leave(hostname(), 'ours00')
  const theirs = await leave('another machine', 'theirs')
  const alive = await makeWorkFolder({ product: 'shop', startedAt: '2026-11-21T02:00:00Z' })
  const swept = await sweepWorkFolders()
  expect(swept.filter(one => one.startsWith(parent))).toEqual([join(parent, ours)])
  expect((await readdir(parent)).sort()).toEqual([alive.path.slice(parent.length + 1), theirs].sort())
  await alive.remove()
})
