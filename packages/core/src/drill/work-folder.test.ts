import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { makeWorkFolder, sweepWorkFolders } from './work-folder.js'

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

async function leave(tail: string, record?: string): Promise<string> {
  const name = `lifeboat-drill-${gone}-1-${tail}`
  await mkdir(join(parent, name))
  if (record !== undefined) await writeFile(join(parent, name, 'owner.json'), record)
  return name
}

it('removes folders of processes of this machine that are gone, and no others', async () => {
  await leave('ours00', JSON.stringify({ host: hostname() }))
  const theirs = await leave('theirs', JSON.stringify({ host: 'another machine' }))
  const alive = await makeWorkFolder({ product: 'shop', startedAt: '2026-11-21T02:00:00Z' })
  const swept = await sweepWorkFolders()
  expect(swept.filter(one => one.startsWith(parent))).toEqual([join(parent, `lifeboat-drill-${gone}-1-ours00`)])
  expect((await readdir(parent)).sort()).toEqual([alive.path.slice(parent.length + 1), theirs].sort())
  await alive.remove()
})

it('leaves a folder that says nothing of its machine: another one that shares the disk made it this moment', async () => {
  const young = await leave('young0')
  const old = await leave('old000')
  const dayBefore = new Date(Date.now() - 25 * 3_600_000)
  await utimes(join(parent, old), dayBefore, dayBefore)
  const unreadable = await leave('locked')
  await mkdir(join(parent, unreadable, 'owner.json'))
  await sweepWorkFolders()
  expect((await readdir(parent)).sort()).toEqual([young, unreadable].sort())
})
