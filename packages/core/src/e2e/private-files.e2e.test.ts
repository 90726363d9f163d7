import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type {} from '../../../testkit/src/provided-postgres.js'
import { directory, openLifeboat, secret } from '../index.js'

const server = new URL(inject('postgres').url)
const urlOf = (database: string) => Object.assign(new URL(server), { pathname: `/${database}` }).href

async function query(sql: string, database = 'postgres'): Promise<void> {
  const client = new pg.Client(urlOf(database))
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

describe('what is written to the disk in clear', () => {
  let folder: string
  const temporary = process.env.TMPDIR

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-private-'))
    await query('create database private_shop')
    await query(
      "create table orders (id int primary key, note text); insert into orders values (1, 'x'); select lo_from_bytea(0, 'large')",
      'private_shop',
    )
  })
  afterAll(async () => {
    process.env.TMPDIR = temporary
    if (temporary === undefined) delete process.env.TMPDIR
    await rm(folder, { recursive: true, force: true })
    for (const name of ['private_shop', 'private_again']) await query(`drop database if exists ${name} with (force)`)
  })

  it('is read by its owner alone, whatever the umask, while a backup and a restore run, and gone after', async () => {
    const scratch = join(folder, 'scratch')
    await mkdir(scratch)
    process.env.TMPDIR = scratch
    const lifeboat = await openLifeboat({
      products: {
        shop: {
          source: { url: secret.value(urlOf('private_shop')) },
          encryption: { passphrase: secret.value('correct horse battery') },
          destinations: { local: { store: directory(join(folder, 'store')) } },
        },
      },
    })
    const seen = new Map<string, string>()
    const looks: Promise<void>[] = []
    const onEvent = () => void looks.push(look(scratch, seen), look(join(folder, 'store'), seen))
    const before = process.umask(0)
    try {
      await lifeboat.backup('shop', { onEvent })
      await lifeboat.verify('shop/latest', { onEvent })
      const polling = setInterval(onEvent, 5)
      await lifeboat.restore('shop/latest', { to: urlOf('private_again'), create: true, onEvent })
      clearInterval(polling)
      onEvent()
      await Promise.all(looks)
    } finally {
      process.umask(before)
    }
    expect([...seen.keys()].filter(path => path.includes('lifeboat-restore-')).length).toBeGreaterThan(1)
    expect([...seen].filter(([, mode]) => mode !== 'file 600' && mode !== 'folder 700')).toEqual([])
    expect(await readdir(scratch)).toEqual([])
  })
})

/** Writes down the mode of everything below a folder. */
async function look(root: string, seen: Map<string, string>): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    const found = await stat(path).catch(() => undefined)
    if (found) seen.set(path, `${found.isDirectory() ? 'folder' : 'file'} ${(found.mode & 0o777).toString(8)}`)
  }
}
