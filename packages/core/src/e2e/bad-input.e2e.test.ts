import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import {
  type BackupEvent,
  type BackupOptions,
  type BackupResult,
  type Deps,
  directory,
  isBackupError,
  type LifeboatConfig,
  memoryStore,
  nodeDeps,
  type ObjectStore,
  openLifeboat,
  type PgTools,
  secret,
} from '../index.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import { createDatabase, dropDatabase } from '../restore/target-database.js'
import { bytesOf } from '../streams/byte-source.js'

const server = new URL(inject('postgres').url)
/** Of a role, so distinctive that it is found wherever it leaks to. */
const password = "S3cret-hunter2'%-leak"

function urlOf(database: string, change: Partial<URL> = {}): string {
  return Object.assign(new URL(server), { pathname: `/${database}`, ...change }).href
}

async function query(database: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client(urlOf(database))
  await client.connect()
  try {
    return await client.query(sql)
  } finally {
    await client.end()
  }
}

interface Attempt {
  readonly url?: string
  readonly stores?: Readonly<Record<string, ObjectStore>>
  readonly deps?: Partial<Deps>
  readonly criticalTables?: string[]
  readonly options?: BackupOptions
}

let folder: string
let tools: PgTools
const events: BackupEvent[] = []

function configOf(attempt: Attempt, stores: Readonly<Record<string, ObjectStore>>): LifeboatConfig {
  return {
    products: {
      shop: {
        source: { url: secret.value(attempt.url ?? urlOf('bad_shop')) },
        encryption: { passphrase: secret.value('correct horse battery') },
        destinations: Object.fromEntries(Object.entries(stores).map(([name, store]) => [name, { store }])),
        verify: { criticalTables: attempt.criticalTables ?? [] },
      },
    },
  }
}

async function attemptBackup(attempt: Attempt, stores: Readonly<Record<string, ObjectStore>>): Promise<BackupResult> {
  const lifeboat = await openLifeboat(configOf(attempt, stores), { deps: attempt.deps })
  return lifeboat.backup('shop', { ...attempt.options, onEvent: event => void events.push(event) })
}

/** Makes a backup that must fail, and checks what every failure owes: a code, no secret, nothing left, no process. */
async function refusal(attempt: Attempt) {
  events.length = 0
  const path = await mkdtemp(join(folder, 'store-'))
  const stores = attempt.stores ?? { local: directory(path), memory: memoryStore() }
  const failure = await attemptBackup(attempt, stores).then(
    () => expect.unreachable('the backup succeeded'),
    (error: unknown) => error,
  )
  if (!isBackupError(failure)) throw failure
  expectNoSecret([failure.message, failure.hint, String(failure.stack), events])
  expect(events.filter(event => event.type === 'backup.finished')).toEqual([])
  expect(await readdir(path, { recursive: true })).toEqual([])
  for (const store of Object.values(stores)) {
    const keys: string[] = []
    for await (const { key } of store.list('')) keys.push(key)
    expect(keys).toEqual([])
  }
  expect(await childrenOfThis()).toEqual([])
  return { code: failure.code, message: failure.message, hint: failure.hint ?? '' }
}

function expectNoSecret(said: unknown): void {
  const text = JSON.stringify(said)
  for (const one of [password, encodeURIComponent(password), JSON.stringify(password).slice(1, -1), server.password])
    expect(text).not.toContain(one)
}

/** The command lines of living pg_dumps (and stand-ins for it) that this process started. */
async function childrenOfThis(): Promise<string[]> {
  const found: string[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      const status = await readFile(`/proc/${pid}/status`, 'utf8')
      const parent = /^PPid:\s*(\d+)/m.exec(status)?.[1]
      if (Number(parent) !== process.pid || /^State:\s*Z/m.test(status)) continue
      const line = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
      if (line.includes('pg_dump')) found.push(line)
    } catch {
      // It ended while it was looked at.
    }
  }
  return found
}

/** A folder whose pg_dump is a script; `$real` in it is the real one. */
async function standIn(script: string): Promise<Partial<Deps>> {
  const bin = await mkdtemp(join(folder, 'bin-'))
  await writeFile(join(bin, 'pg_dump'), `#!/bin/sh\nreal='${join(tools.folder, 'pg_dump')}'\nbin='${bin}'\n${script}\n`)
  await chmod(join(bin, 'pg_dump'), 0o755)
  return { findPgTools: async () => [{ ...tools, folder: bin }] }
}

/** A store whose `put` of a database fails after so many bytes. */
function failing(after: number, message = 'disk on fire'): ObjectStore {
  const store = memoryStore()
  return {
    ...store,
    location: 'memory that fails',
    put: (key, source, options) =>
      store.put(
        key,
        (async function* () {
          let bytes = 0
          for await (const chunk of source) {
            bytes += chunk.byteLength
            if (bytes > after) throw new Error(message)
            yield chunk
          }
          if (after === 0) throw new Error(message)
        })(),
        options,
      ),
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-bad-'))
  const found = await nodeDeps().findPgTools()
  tools = found.find(one => one.major >= inject('postgres').major)!
  await query('postgres', 'create database bad_shop')
  await query(
    'bad_shop',
    `create table orders (id int primary key, note text);
     insert into orders select i, md5(i::text) || repeat(md5((i * 7)::text), 30) from generate_series(1, 3000) i;
     create table customers (id int);
     insert into customers select generate_series(1, 10)`,
  )
})

afterAll(async () => {
  const { rows } = await query('postgres', "select datname from pg_database where datname like 'bad\\_%'")
  for (const { datname } of rows) await query('postgres', `drop database ${datname} with (force)`)
  await query('postgres', 'drop role if exists bad_reader')
  await rm(folder, { recursive: true, force: true })
})

describe('a source that cannot be dumped', () => {
  it('a closed port is unreachable', async () => {
    const { code, message } = await refusal({ url: urlOf('bad_shop', { port: '1' }) })
    expect(code).toBe('database-unreachable')
    expect(message).toContain(':1/bad_shop')
  })

  it.each([{ port: '1' }, { pathname: '/bad_nothing' }])(
    '%o is reported once the search for tools is over',
    async at => {
      let searching = true
      const findPgTools = async () => {
        await new Promise(resolve => setTimeout(resolve, 300))
        searching = false
        return [tools]
      }
      await refusal({ url: urlOf('bad_shop', at), deps: { findPgTools } })
      expect(searching).toBe(false)
    },
  )

  it('a wrong password is a refused login', async () => {
    const { code, hint } = await refusal({ url: urlOf('bad_shop', { password: encodeURIComponent(password) }) })
    expect(code).toBe('database-auth-failed')
    expect(hint).not.toBe('')
  })

  it('a database that does not exist is named', async () => {
    const { code, message } = await refusal({ url: urlOf('bad_nothing') })
    expect(code).toBe('database-refused')
    expect(message).toContain('"bad_nothing"')
  })

  it.each(['not a url', `postgres://user:${encodeURIComponent(password)}@host:port/x`, 'mysql://user@host/x'])(
    'an address like %s is a mistake in the configuration',
    async url => {
      expect((await refusal({ url })).code).toBe('config-invalid')
    },
  )

  it('rows that row-level security hides are not left out silently', async () => {
    await query('postgres', `create role bad_reader login password '${password.replace("'", "''")}'`)
    await query('postgres', 'create database bad_rls')
    await query(
      'bad_rls',
      `create table mine (id int); insert into mine values (1), (2); create table open_to_all (id int);
       alter table mine enable row level security; create policy p on mine for select using (id = 1);
       grant select on all tables in schema public to bad_reader`,
    )
    const asReader = { username: 'bad_reader', password: encodeURIComponent(password) }
    const { code, message, hint } = await refusal({ url: urlOf('bad_rls', asReader) })
    expect(code).toBe('rows-hidden')
    expect(message).toContain('public.mine')
    expect(hint).toContain('bypassrls')
  })

  it('a table that may not be read fails the dump, whether it is critical or not', async () => {
    await query('postgres', 'create database bad_grants')
    await query(
      'bad_grants',
      'create table open_one (id int); create table closed_one (id int); grant select on open_one to bad_reader',
    )
    const url = urlOf('bad_grants', { username: 'bad_reader', password: encodeURIComponent(password) })
    for (const criticalTables of [[], ['closed_one', 'open_one']]) {
      const { code, message, hint } = await refusal({ url, criticalTables })
      expect(code).toBe('dump-failed')
      expect(message).toMatch(/permission denied.*closed_one/)
      expect(hint).toContain('pg_read_all_data')
    }
  })
})

describe('client tools', () => {
  it('that are too old are refused with what to install', async () => {
    const old = { folder: '/nowhere', major: 12, version: '12.22' }
    const { code, hint } = await refusal({ deps: { findPgTools: async () => [old] } })
    expect(code).toBe('tool-too-old')
    expect(hint).toContain(`postgresql-client-${inject('postgres').major}`)
    expect((await refusal({ deps: { findPgTools: async () => [] } })).code).toBe('tool-missing')
  })

  it('that are gone when they are needed are missing', async () => {
    const gone = { ...tools, folder: join(folder, 'gone') }
    expect((await refusal({ deps: { findPgTools: async () => [gone] } })).code).toBe('tool-missing')
  })
})

describe('a pg_dump that goes wrong', () => {
  it('that repeats the password in its words is not quoted with it', async () => {
    await query('postgres', `alter role bad_reader password '${password.replace("'", "''")}'`)
    const deps = await standIn('echo "pg_dump: error: connection failed: password=$PGPASSWORD" >&2; exit 1')
    const url = urlOf('bad_grants', { username: 'bad_reader', password: encodeURIComponent(password) })
    const { code, message } = await refusal({ url, deps })
    expect(code).toBe('dump-failed')
    expect(message).toContain('connection failed: password=[redacted]')
  })

  // None of these ends by itself: that the call returns, and leaves no process, is the proof.
  it('or hangs is ended by a cancel, even when it ignores being told', async () => {
    const forever = 'while :; do sleep 1; done'
    for (const script of [
      'exec sleep infinity',
      `trap '' TERM; ${forever}`,
      'head -c 100000 /dev/zero; exec sleep infinity',
    ]) {
      const stop = new AbortController()
      const deps = await standIn(`echo x > "$bin/started"; ${script}`)
      const bin = (await deps.findPgTools!())[0]!.folder
      const cancelled = refusal({ deps, options: { signal: stop.signal } })
      await expect.poll(() => readdir(bin), { timeout: 20_000 }).toContain('started')
      stop.abort()
      expect((await cancelled).code).toMatch(/^(cancelled|archive-invalid)$/)
    }
  })
})

describe('a backup that is cancelled', () => {
  /** Takes connections and never answers. */
  async function silentServer() {
    const sockets = new Set<Socket>()
    const listening = createServer(socket => void sockets.add(socket.resume().on('error', () => {})))
    await new Promise<void>(resolve => listening.listen(0, '127.0.0.1', resolve))
    const { port } = listening.address() as { port: number }
    const close = () => {
      for (const socket of sockets) socket.destroy()
      listening.close()
    }
    return { port, sockets, close }
  }

  it('while a server does not answer returns, and hangs up', async () => {
    const silent = await silentServer()
    try {
      for (const mode of ['disable', 'prefer']) {
        const stop = new AbortController()
        const url = urlOf('x', { port: String(silent.port), search: `?sslmode=${mode}` })
        const cancelled = refusal({ url, options: { signal: stop.signal } })
        await expect.poll(() => silent.sockets.size).toBeGreaterThan(0)
        stop.abort()
        expect((await cancelled).code).toBe('cancelled')
        await expect.poll(() => [...silent.sockets].every(socket => socket.destroyed), { timeout: 20_000 }).toBe(true)
        silent.sockets.clear()
      }
    } finally {
      silent.close()
    }
  })

  it.each(['source.probed', 'backup.started', 'stage.progressed', 'artifact.stored'])(
    'at %s leaves nothing',
    async type => {
      const stop = new AbortController()
      const path = await mkdtemp(join(folder, 'store-'))
      const stores = { local: directory(path), memory: memoryStore() }
      const lifeboat = await openLifeboat(configOf({ criticalTables: ['orders'] }, stores))
      const onEvent = (event: BackupEvent) => {
        if (event.type !== type || stop.signal.aborted) return
        stop.abort()
      }
      await expect(lifeboat.backup('shop', { signal: stop.signal, onEvent })).rejects.toMatchObject({
        code: 'cancelled',
      })
      expect(await readdir(path, { recursive: true })).toEqual([])
      expect((await lifeboat.list()).backups).toEqual([])
      expect(await childrenOfThis()).toEqual([])
    },
  )
})

describe('destinations', () => {
  it('that all fail fail the backup and end the dump, also while it waits', async () => {
    const two = await refusal({ stores: { one: failing(0), two: failing(50_000, 'no space') } })
    expect(two.code).toBe('destinations-failed')
    expect(two.message).toMatch(/one: .*disk on fire.*two: .*no space/)
    const refuses = { ...memoryStore(), put: () => Promise.reject(new Error('closed for today')) }
    const waiting = await refusal({ stores: { refuses }, deps: await standIn('exec sleep infinity') })
    expect(waiting.message).toContain('closed for today')
  })

  it('one that recorded less than was sent is not believed', async () => {
    const store = memoryStore()
    const lossy: ObjectStore = {
      ...store,
      put: async (key, source, options) => {
        let taken = 0
        return store.put(
          key,
          (async function* () {
            for await (const chunk of source) if (key.endsWith('.json') || taken++ !== 2) yield chunk
          })(),
          options,
        )
      },
    }
    const { code } = await refusal({ stores: { lossy } })
    expect(code).toBe('object-damaged')
  })
})

describe('unusual sources', () => {
  async function roundTrip(database: string) {
    const stores = { memory: memoryStore() }
    const result = await attemptBackup({ url: urlOf(database) }, stores)
    const lifeboat = await openLifeboat(configOf({ url: urlOf(database) }, stores))
    expect(await lifeboat.verify('latest')).toMatchObject({ ok: true, findings: [] })
    await lifeboat.restore('latest', {
      to: urlOf(`${database}_again`),
      create: true,
      onEvent: event => void events.push(event),
    })
    return result
  }

  it('an empty database is backed up and restored, with a word', async () => {
    await query('postgres', 'create database bad_empty')
    const { manifest } = await roundTrip('bad_empty')
    expect(manifest.tables).toEqual([])
    const said = events.filter(one => one.type === 'warning.raised').map(one => one.message)
    expect(said).toContainEqual(expect.stringMatching(/bad_empty holds no table with rows: is it the right database\?/))
  })

  it('a database that two restores make at one time is made by one of them', async () => {
    const target = parseConnectionUrl(urlOf('bad_twice'))
    const making = await Promise.allSettled([1, 2, 3].map(() => createDatabase(target, undefined)))
    const refused = making.filter(one => one.status === 'rejected').map(one => one.reason)
    expect(refused.map(({ code, message }) => `${code} ${message}`)).toEqual(
      Array(2).fill(`target-not-empty ${target.description} was made by somebody else a moment ago`),
    )
    await dropDatabase(target)
  })

  it('a value of 30 MB passes through', async () => {
    await query('postgres', 'create database bad_wide')
    await query(
      'bad_wide',
      "create table wide (v text); insert into wide select repeat(E'0123456789abcd\\\\\\n', 1875000)",
    )
    const { manifest } = await roundTrip('bad_wide')
    expect(manifest.tables).toMatchObject([{ name: 'wide', rows: 1 }])
    const again = await query('bad_wide_again', 'select length(v) as n from wide')
    expect(again.rows).toEqual([{ n: 30_000_000 }])
  })

  it('names of every odd character come back, and their rows are counted', async () => {
    const odd = `Od"d.s (c)'; -- \\ ü🛟\nnext`
    const quoted = pg.escapeIdentifier(odd)
    await query('postgres', 'create database bad_names')
    await query(
      'bad_names',
      `create schema ${quoted}; create table ${quoted}.${quoted} (${quoted} text);
      insert into ${quoted}.${quoted} select 'x' from generate_series(1, 7)`,
    )
    events.length = 0
    const { manifest } = await roundTrip('bad_names')
    expect(manifest.tables).toMatchObject([{ schema: odd, name: odd, rows: 7 }])
    expect(events.filter(event => event.type === 'warning.raised')).toEqual([])
    const again = await query('bad_names_again', `select count(*)::int as n from ${quoted}.${quoted}`)
    expect(again.rows).toEqual([{ n: 7 }])
  })

  it('a backup that is edited, swapped or stripped of its seal is found, and not restored', async () => {
    const store = memoryStore()
    const lifeboat = await openLifeboat(configOf({ criticalTables: ['orders'] }, { store }))
    const old = (await lifeboat.backup('shop')).manifest
    const { manifest } = await lifeboat.backup('shop')
    const put = (changed: object) =>
      store.put(`shop/${manifest.id}/manifest.json`, bytesOf(JSON.stringify({ ...manifest, ...changed })))
    const codes = async () => (await lifeboat.verify(`shop/${manifest.id}`)).findings.map(one => one.code)
    expect(await codes()).toEqual([])
    const rows = manifest.tables!.map(table => ({ ...table, rows: table.rows + 1 }))
    await put({ tables: rows })
    expect(await codes()).toContain('seal-wrong')
    await expect(
      lifeboat.planRestore(`shop/${manifest.id}`, { to: urlOf('bad_nowhere'), create: true }),
    ).rejects.toMatchObject({ code: 'seal-wrong' })
    await put({ seal: null })
    expect(await codes()).toEqual(['manifest-unsealed'])
    const target = { to: urlOf('bad_nowhere'), create: true }
    await expect(lifeboat.planRestore(`shop/${manifest.id}`, target)).rejects.toMatchObject({
      code: 'seal-missing',
      hint: expect.stringContaining('--allow-unsealed'),
    })
    const plan = await lifeboat.planRestore(`shop/${manifest.id}`, { ...target, allowUnsealed: true })
    expect(plan.warnings[0]).toContain('the manifest is not sealed')
    await put({})
    expect(await codes()).toEqual([])

    const [oldKey, key] = [old.artifacts[0]!.key, manifest.artifacts[0]!.key]
    const bytes: Uint8Array[] = []
    for await (const chunk of store.get(oldKey)) bytes.push(chunk)
    await store.put(key, bytesOf(...bytes))
    const stored = await lifeboat.verify(`shop/${manifest.id}`, { level: 'stored' })
    const expected = old.artifacts[0]!.storedBytes === manifest.artifacts[0]!.storedBytes
    expect(stored.findings.map(one => one.code)).toEqual([expected ? 'artifact-replayed' : 'artifact-length'])
    const { storedBytes, storedSha256, frameSha256, plainBytes } = old.artifacts[0]!
    await put({ artifacts: [{ ...manifest.artifacts[0]!, storedBytes, storedSha256, frameSha256, plainBytes }] })
    expect(await codes()).toEqual(expect.arrayContaining(['seal-wrong', 'artifact-replayed']))
  })

  it('no secret reaches arguments or manifests', async () => {
    const seen = join(folder, 'seen')
    await mkdir(seen)
    const deps = await standIn(`cat /proc/$$/cmdline > '${seen}/argv'; exec "$real" "$@"`)
    const store = memoryStore()
    await query('postgres', 'grant pg_read_all_data to bad_reader')
    const url = urlOf('bad_shop', { username: 'bad_reader', password: encodeURIComponent(password) })
    events.length = 0
    const result = await attemptBackup({ url, deps }, { store })
    const argv = await readFile(join(seen, 'argv'), 'utf8')
    expect(argv).toContain('--format=custom')
    expectNoSecret([argv, events, result])
  })
})
