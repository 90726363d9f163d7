import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { directory, generateKeyPair, type LifeboatConfig, nodeDeps, openLifeboat, secret } from '../index.js'

const run = promisify(execFile)
const passphrase = 'correct horse battery'
const counts = `select (select count(*) from customers) || ' ' || (select count(*) from "odd ""name"" ☃") || ' ' ||
  (select last_value from customers_id_seq) || ' ' || (select length(lo_get(oid)) from pg_largeobject_metadata) || ' ' ||
  (select count(*) from pg_policies) || ' ' || (select md5(string_agg(c::text, '|' order by id)) from customers c)`

let folder: string
/** gpg keeps a socket in here, whose path may not be long. */
let home: string
let tools: string
const environment = () => {
  const { hostname, port, username, password } = new URL(inject('postgres').url)
  const connection = { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: decodeURIComponent(password) }
  return { ...process.env, ...connection, GNUPGHOME: home, PATH: `${tools}:${process.env.PATH}` }
}
const sh = async (script: string) =>
  (await run('sh', ['-ec', script], { env: environment(), cwd: folder })).stdout.trim()
const psql = (database: string, sql: string) =>
  run('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', sql], { env: environment() })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-glass-'))
  home = await mkdtemp('/tmp/lb-gpg-')
  const found = await nodeDeps().findPgTools()
  tools = found.find(one => one.major >= inject('postgres').major)!.folder
  await psql('postgres', 'create database glass')
  await psql(
    'glass',
    `create table customers (id serial primary key, name text, gross int generated always as (7) stored);
     create table "odd ""name"" ☃" (v text);
     alter table customers enable row level security; create policy p on customers using (true);
     insert into customers (name) select E'line\\n\\\\.\\t' || i from generate_series(1, 5000) i;
     insert into "odd ""name"" ☃" values (null), (''), (E'\\\\.');
     select lo_from_bytea(0, decode(repeat('deadbeef', 1000), 'hex'))`,
  )
})

afterAll(async () => {
  await run('gpgconf', ['--homedir', home, '--kill', 'all'])
  for (const name of ['glass', 'glass_passphrase', 'glass_recipients'])
    await psql('postgres', `drop database if exists ${name} with (force)`)
  for (const path of [folder, home]) await rm(path, { recursive: true, force: true })
})

/** A backup is worth nothing when only the tool that made it can read it: docs/restore-runbook.md, word for word. */
describe('break glass', () => {
  it.each(['passphrase', 'recipients'])('a backup encrypted by %s comes back with stock tools alone', async kind => {
    const store = join(folder, `store-${kind}`)
    let encryption: LifeboatConfig['products'][string]['encryption'] = { passphrase: secret.value(passphrase) }
    let options = ''
    if (kind === 'passphrase') {
      await writeFile(join(folder, 'passphrase'), passphrase)
      options = '--pinentry-mode loopback --passphrase-file passphrase'
    } else {
      const pair = await generateKeyPair({ name: 'keeper' })
      await writeFile(join(folder, 'keeper.asc'), pair.publicKey)
      await writeFile(join(folder, 'keeper-private.asc'), pair.privateKey)
      await sh('gpg --batch --quiet --import keeper-private.asc')
      encryption = { recipients: [join(folder, 'keeper.asc')] }
    }
    const lifeboat = await openLifeboat({
      products: {
        glass: {
          source: { url: secret.value(Object.assign(new URL(inject('postgres').url), { pathname: '/glass' }).href) },
          encryption,
          destinations: { local: { store: directory(store) } },
        },
      },
    })
    const { manifest } = await lifeboat.backup('glass')
    const artifact = manifest.artifacts[0]!
    const target = `glass_${kind}`
    await sh(`gpg --batch --quiet ${options} --decrypt '${join(store, artifact.key)}' | gunzip > ${kind}.dump
      pg_restore --list ${kind}.dump > /dev/null
      createdb ${target}
      pg_restore --no-owner --exit-on-error --dbname ${target} --jobs 2 ${kind}.dump`)
    expect(await sh(`wc -c < ${kind}.dump`)).toBe(String(artifact.plainBytes))
    expect(await sh(`sha256sum < '${join(store, artifact.key)}' | cut -d ' ' -f 1`)).toBe(artifact.storedSha256)
    const before = await psql('glass', counts)
    const after = await psql(target, counts)
    expect(after.stdout).toBe(before.stdout)
    expect(after.stdout).toMatch(/^5000 3 5000 4000 1 [0-9a-f]{32}$/m)
  })
})
