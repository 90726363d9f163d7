import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLifeboat } from '@lifeboat/core'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { registerSecret } from '../../../testkit/src/leaks/leak-record.js'
import type {} from '../../../testkit/src/provided-postgres.js'
import { runCli } from '../testing/fake-io.js'

const planted = 'mail_password_9d1f77aa03'
const url = inject('postgres').url
let folder: string
let config: string

async function query(sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await client.query(sql)
  } finally {
    await client.end()
  }
}

const cli = (...argv: string[]) =>
  runCli(argv, { config, open: openLifeboat, env: { SOURCE_URL: url, PASSPHRASE: 'boats, boats, boats' } })

beforeAll(async () => {
  registerSecret(planted)
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-cli-files-'))
  await mkdir(join(folder, 'app/config'), { recursive: true })
  await writeFile(join(folder, 'app/.env'), `MAIL=${planted}\n`, { mode: 0o600 })
  await writeFile(join(folder, 'app/config/app.json'), '{}')
  await symlink('app.json', join(folder, 'app/config/current.json'))
  await query(
    `create role "cli files app" login password 'x'; alter role "cli files app" set my.key to 'hidden-value-1'`,
  )
  config = `import { directory, secret } from '@lifeboat/core'
    export default { products: { shop: {
      source: { url: secret.env('SOURCE_URL'), roles: true }, encryption: { passphrase: secret.env('PASSPHRASE') },
      destinations: { local: { store: directory(${JSON.stringify(join(folder, 'store'))}) } },
      files: { config: { root: ${JSON.stringify(join(folder, 'app'))}, include: ['.env*', 'config/**'] } },
    } } }`
  Object.assign(process.env, { SOURCE_URL: url, PASSPHRASE: 'boats, boats, boats' })
  expect((await cli('backup')).stderr).not.toContain('error')
})

afterAll(async () => {
  await query('drop role if exists "cli files app"')
  await rm(folder, { recursive: true, force: true })
  Reflect.deleteProperty(process.env, 'SOURCE_URL')
  Reflect.deleteProperty(process.env, 'PASSPHRASE')
})

describe('lifeboat restore --files', () => {
  it('shows the plan, restores into a new folder, and refuses to do it twice', async () => {
    const target = join(folder, 'out')
    const argv = ['restore', 'latest', '--files', '--to-folder', target]
    const plan = await cli(...argv, '--dry-run')
    expect(plan.stdout).toContain(`${target} (a new folder)`)
    expect((await cli(...argv)).status).toBe(2)
    expect(await readdir(folder)).not.toContain('out')
    const { status, stdout } = await cli(...argv, '--yes')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^restored files of shop\/\S+ into .*\n {2}config {2}2 files, 1 folder, 1 link, /)
    expect(await readFile(join(target, '.env'), 'utf8')).toBe(`MAIL=${planted}\n`)
    const again = await cli(...argv, '--yes')
    expect(again.status).not.toBe(0)
    expect(again.stderr).toMatch(/error: the folder .* is not empty\nhint: .*--overwrite/)
  })

  it('lists the files, and takes those of a path', async () => {
    const { stdout } = await cli('restore', 'latest', '--files', 'config', '--list')
    expect(stdout.match(/\.env|config\/\S+/g)).toEqual(['.env', 'config/app.json', 'config/current.json'])
    const target = join(folder, 'one')
    await cli('restore', 'latest', '--files', '--path', '.env', '--to-folder', target, '--yes')
    expect(await readdir(target)).toEqual(['.env'])
  })

  it('names what there is when a bundle is asked for that there is not', async () => {
    const { status, stderr } = await cli('restore', 'latest', '--files', 'uploads', '--to-folder', join(folder, 'x'))
    expect(status).toBe(10)
    expect(stderr).toMatch(/holds no files called uploads\nhint: it holds: config/)
  })
})

describe('lifeboat restore --roles', () => {
  it('shows the statements without what settings are set to, and makes the roles that are gone', async () => {
    await query('drop role "cli files app"')
    const argv = ['restore', 'latest', '--roles', '--to', url]
    const plan = await cli(...argv, '--dry-run')
    expect(plan.stdout).toContain('CREATE ROLE "cli files app";')
    expect(plan.stdout).toContain('SET "my.key" TO …;')
    expect(plan.stdout + plan.stderr).not.toContain('hidden-value-1')
    const { status, stderr } = await cli(...argv, '--yes')
    expect(status).toBe(0)
    expect(stderr).toContain('may log in and has no password')
    const { rows } = await query(`select rolcanlogin, rolconfig from pg_roles where rolname = 'cli files app'`)
    expect(rows).toEqual([{ rolcanlogin: true, rolconfig: ['my.key=hidden-value-1'] }])
    expect((await cli(...argv, '--dry-run')).stdout).toContain('none: the target has all of them')
  })
})

describe('lifeboat show', () => {
  it('says what is in a backup and what is not', async () => {
    const { stdout } = await cli('show', 'latest')
    expect(stdout).toMatch(
      /IN IT\n {2}database .*\n {2}roles .*\n {2}files: config +2 files, 1 folder, 1 link\nNOT IN IT\n/,
    )
    expect(stdout).toContain('passwords of roles, and tablespaces')
  })
})
