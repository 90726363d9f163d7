import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import type { ArchiveEntry } from '../archive/archive-header.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import { CopyLoader } from './copy-loader.js'

/** A database of its own: sessions are ended here, and other tests have theirs on the same server. */
const name = 'lifeboat_copy_loader'
const url = Object.assign(new URL(inject('postgres').url), { pathname: `/${name}` }).href
const sessions = `from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`
const copy = 'COPY copy_loader.numbers (n) FROM stdin;\n'
const entry = { dumpId: 1, tag: 'numbers', namespace: 'copy_loader', copyStatement: copy } as ArchiveEntry
let client: pg.Client

beforeAll(async () => {
  await onServer(`create database ${name}`)
  client = new pg.Client(url)
  await client.connect()
})
beforeEach(async () => {
  await client.query(`drop schema if exists copy_loader cascade; create schema copy_loader;
    create table copy_loader.numbers (n int check (n < 1000))`)
})
afterAll(async () => {
  await client.end()
  await onServer(`drop database ${name} with (force)`)
})

async function onServer(sql: string): Promise<void> {
  const server = new pg.Client(inject('postgres').url)
  await server.connect()
  await server.query(sql)
  await server.end()
}

const open = (created: readonly number[]) =>
  CopyLoader.open(parseConnectionUrl(url), { sessions: 2, created: new Set(created) })

/** Until the server has said what it thinks of the rows: the session that loads is idle, or in a transaction that failed. */
async function answered(): Promise<void> {
  for (;;) {
    const { rowCount } = await client.query(`select ${sessions} and query like 'COPY%' and state = 'active'`)
    if (rowCount === 0) break
  }
  // What it said is on its way to us.
  await new Promise(resolve => setTimeout(resolve, 50))
}

/** Loads one table as a restore does, whatever happens on the way. */
async function load(loader: CopyLoader, give: () => Promise<void>, rows = 2): Promise<void> {
  try {
    await loader.start(entry)
    await give()
    loader.finishTable({ schema: 'copy_loader', name: 'numbers', rows, bytes: 4 })
    await loader.finish()
  } finally {
    await loader.close()
  }
}

/** An error of a stream that nobody listens to ends the process, and what a restore has begun is never cleared away. */
describe('a table whose rows the server refuses', () => {
  it.each([
    ['made just now', [1]],
    ['that was there', []],
  ])(
    'fails its restore and not the process when all rows were given before the refusal: one %s',
    async (_, created) => {
      const loader = await open(created)
      const loading = load(loader, async () => {
        await loader.rows(Buffer.from('1\n1000\n'))
        await answered()
      })
      await expect(loading).rejects.toMatchObject({ message: expect.stringContaining('numbers_n_check') })
    },
  )

  it.each([1, 100_000, 1_000_000])('fails in the same way when more are given after it: %d bytes', async length => {
    const loader = await open([1])
    const loading = load(loader, async () => {
      await loader.rows(Buffer.from('1\n1000\n'))
      await answered()
      for (;;) await loader.rows(Buffer.alloc(length, '1\n'))
    })
    await expect(loading).rejects.toMatchObject({ message: expect.stringContaining('numbers_n_check') })
  })

  it('fails in the same way when its session is ended meanwhile', async () => {
    const loader = await open([])
    const loading = load(loader, async () => {
      await loader.rows(Buffer.alloc(200_000, '1\n'))
      await client.query(`select pg_terminate_backend(pid) ${sessions} and query like 'COPY%'`)
      await answered()
    })
    await expect(loading).rejects.toMatchObject({ code: 'database-unreachable' })
  })

  it('could not be reached when its session was ended before the table began', async () => {
    const loader = await open([1])
    await client.query(`select pg_terminate_backend(pid) ${sessions}`)
    await new Promise(resolve => setTimeout(resolve, 50))
    await expect(load(loader, async () => {})).rejects.toMatchObject({ code: 'database-unreachable' })
  })
})

describe('rows that the target takes', () => {
  const two = (loader: CopyLoader) => () => loader.rows(Buffer.from('1\n2\n'))

  it('are as many as were sent', async () => {
    const loader = await open([1])
    await load(loader, two(loader))
    expect((await client.query('select n from copy_loader.numbers')).rows).toEqual([{ n: 1 }, { n: 2 }])
  })

  it.each([
    ['made just now', [1]],
    ['that was there', []],
  ])('fail the restore when a trigger keeps one of them out of a table %s', async (_, created) => {
    await client.query(`create function copy_loader.keep_out() returns trigger language plpgsql
      as $$ begin if new.n = 1 then return null; end if; return new; end $$;
      create trigger keep_out before insert on copy_loader.numbers for each row execute function copy_loader.keep_out()`)
    const loader = await open(created)
    await expect(load(loader, two(loader))).rejects.toMatchObject({
      code: 'counts-differ',
      message: expect.stringContaining('1 of the 2 rows of copy_loader.numbers'),
    })
  })
})
