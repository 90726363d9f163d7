import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { archiving } from '../../../testkit/src/archiving-store.js'
import type {} from '../../../testkit/src/provided-postgres.js'
import type { ProveOptions, RotateOptions } from '../api/keys.js'
import {
  directory,
  type LifeboatConfig,
  nodeDeps,
  type ObjectStore,
  openLifeboat,
  secret,
  writeKeyPairs,
} from '../index.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'

const run = promisify(execFile)
const day = 24 * 3_600_000
type Encryption = LifeboatConfig['products'][string]['encryption']

let folder: string
/** gpg keeps a socket in here, whose path may not be long. */
let home: string
let tools: string
const fingerprints: Record<string, string> = {}
const environment = () => {
  const { hostname, port, username, password } = new URL(inject('postgres').url)
  const connection = { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: decodeURIComponent(password) }
  return { ...process.env, ...connection, GNUPGHOME: home, PATH: `${tools}:${process.env.PATH}` }
}
const sh = async (script: string) =>
  (await run('sh', ['-ec', script], { env: environment(), cwd: folder })).stdout.trim()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-keys-'))
  home = await mkdtemp('/tmp/lb-gpg-')
  const found = await nodeDeps().findPgTools()
  tools = found.find(one => one.major >= inject('postgres').major)!.folder
  await sh(`createdb keyed; psql -Xqd keyed -c "create table orders (id int primary key, note text);
    insert into orders select i, 'order ' || i from generate_series(1, 75000) i"`)
  for (const name of ['team', 'recovery', 'next', 'writer']) {
    const files = { publicKey: join(folder, `${name}.asc`), privateKey: join(folder, `${name}-private.asc`) }
    const notes = name === 'recovery' ? ['Keep it offline.', 'gpg --import FILE'] : []
    const [pair] = await writeKeyPairs([{ files, holder: { name, email: `${name}@example.org`, notes } }])
    fingerprints[name] = pair!.fingerprint
  }
})

afterAll(async () => {
  await run('gpgconf', ['--homedir', home, '--kill', 'all'])
  await sh('dropdb --if-exists --force keyed; dropdb --if-exists --force keyed_again')
  for (const path of [folder, home]) await rm(path, { recursive: true, force: true })
})

const key = (name: string) => join(folder, `${name}.asc`)
const privateKey = (name: string) => ({ privateKey: join(folder, `${name}-private.asc`) })
const toTeam: Encryption = { recipients: ['team.asc', 'recovery.asc'], signingKey: 'writer-private.asc' }

interface Opened {
  readonly encryption?: Encryption
  readonly now?: () => Date
}

function open(store: ObjectStore, { encryption = toTeam, now }: Opened = {}) {
  const url = Object.assign(new URL(inject('postgres').url), { pathname: '/keyed' }).href
  // A pair of old and new counts as one: `last: 2` would keep both.
  const retention = { last: 2, minimum: 1 }
  const shop = { source: { url: secret.value(url) }, encryption, destinations: { local: { store, retention } } }
  return openLifeboat({ products: { shop } }, { configFolder: folder, deps: now ? { now } : {} })
}

const storeAt = async (name: string) => {
  await mkdir(join(folder, name), { recursive: true })
  return directory(join(folder, name))
}
async function objectsOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const object of store.list(prefix)) keys.push(object.key)
  return keys.sort()
}
const codes = (listing: { readonly findings: readonly { readonly code: string; readonly subject: string }[] }) =>
  listing.findings.map(one => `${one.code} ${one.subject === 'passphrase' ? 'passphrase' : nameOf(one.subject)}`)
const nameOf = (fingerprint: string) => Object.entries(fingerprints).find(([, one]) => one === fingerprint)?.[0]

describe('key pairs', () => {
  it('are written once: the private half for its owner only, with notes that gpg passes over', async () => {
    expect((await stat(join(folder, 'recovery-private.asc'))).mode & 0o777).toBe(0o600)
    const text = await readFile(join(folder, 'recovery-private.asc'), 'utf8')
    expect(text).toMatch(/^-----BEGIN PGP PRIVATE KEY BLOCK-----\r?\nComment: Keep it offline\.\r?\nComment: gpg/)
    expect(await sh('gpg --batch --with-colons --show-keys recovery-private.asc')).toContain(
      fingerprints.recovery!.toUpperCase(),
    )
    const again = { publicKey: join(folder, 'new.asc'), privateKey: join(folder, 'team-private.asc') }
    const before = await readFile(again.privateKey, 'utf8')
    await expect(writeKeyPairs([{ files: again, holder: { name: 'x' } }])).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('exists already'),
    })
    expect(await readFile(again.privateKey, 'utf8')).toBe(before)
    await expect(stat(again.publicKey)).rejects.toThrow()
  })
})

describe('a proof', () => {
  it('shows that a key opens the newest backup, is recorded once, and is due again after its time', async () => {
    const store = await storeAt('proofs')
    let now = new Date()
    const lifeboat = await open(store, { now: () => now })
    const { id } = await lifeboat.backup('shop')
    expect(codes(await lifeboat.listKeys('shop'))).toEqual(['key-unproved team', 'key-unproved recovery'])
    const proof = await lifeboat.proveKey('shop/latest', { key: privateKey('recovery') })
    expect(proof.record).toMatchObject({
      id,
      fingerprint: fingerprints.recovery,
      extent: 'front',
      destination: 'local',
    })
    expect(await objectsOf(store, 'shop/key-proofs/')).toEqual([proof.recordedAs])
    expect((await readWhole(store.get(proof.recordedAs!), 2 ** 20)).toString()).not.toContain('PRIVATE')
    const whole = await lifeboat.proveKey(`shop/${id}`, { key: privateKey('team'), whole: true })
    expect(whole.record.artifacts[0]!.plainBytes).toBeGreaterThan(proof.record.artifacts[0]!.plainBytes)
    const { keys, findings } = await lifeboat.listKeys('shop')
    expect(findings).toEqual([])
    expect(keys.map(one => [nameOf(one.key), one.userIds, one.opens[0]?.id, one.proved?.by])).toEqual([
      ['team', ['team <team@example.org>'], id, 'proof'],
      ['recovery', ['recovery <recovery@example.org>'], id, 'proof'],
    ])
    now = new Date(now.getTime() + 91 * day)
    expect(codes(await lifeboat.listKeys('shop'))).toEqual(['key-unproved team', 'key-unproved recovery'])
    const checks = await lifeboat.doctor('shop')
    expect(checks.filter(one => one.message.startsWith('nobody has shown for 91 days'))).toHaveLength(2)
    // Whoever verifies with a key has shown that it opens the backup.
    const verifier = await open(store, { encryption: { ...toTeam, ...privateKey('team') }, now: () => now })
    await verifier.verify('shop/latest')
    expect(codes(await lifeboat.listKeys('shop'))).toEqual(['key-unproved recovery'])
  })

  it('is refused for a key that does not open it, and nothing is recorded', async () => {
    const store = await storeAt('refused')
    const lifeboat = await open(store)
    await lifeboat.backup('shop')
    const stranger = lifeboat.proveKey('shop/latest', { key: privateKey('next') })
    await expect(stranger).rejects.toMatchObject({ code: 'wrong-key' })
    await expect(lifeboat.proveKey('shop/latest')).rejects.toMatchObject({ code: 'key-missing' })
    expect(await objectsOf(store, 'shop/key-proofs/')).toEqual([])
  })

  it('that somebody else wrote or changed does not count', async () => {
    const store = await storeAt('forged')
    const lifeboat = await open(store)
    await lifeboat.backup('shop')
    const { recordedAs } = await lifeboat.proveKey('shop/latest', { key: privateKey('team') })
    const written = JSON.parse((await readWhole(store.get(recordedAs!), 2 ** 20)).toString())
    const forgeries = [
      { ...written, fingerprint: fingerprints.recovery },
      { ...written, fingerprint: fingerprints.recovery, seal: null },
      { ...written, at: new Date(Date.now() + 300 * day).toISOString() },
      { ...written, destination: 'offsite' },
    ]
    for (const [index, forged] of forgeries.entries())
      await store.put(`shop/key-proofs/forged-${index}.json`, bytesOf(JSON.stringify(forged)))
    const { keys } = await lifeboat.listKeys('shop')
    expect(keys.map(one => one.proved?.at)).toEqual([written.at, undefined])
  })

  it('of a passphrase is one, too', async () => {
    const store = await storeAt('phrase')
    const lifeboat = await open(store, { encryption: { passphrase: secret.value('correct horse battery') } })
    await lifeboat.backup('shop')
    expect(codes(await lifeboat.listKeys('shop'))).toEqual(['key-unproved passphrase'])
    const wrong = lifeboat.proveKey('shop/latest', { key: { passphrase: secret.value('guess') } })
    await expect(wrong).rejects.toMatchObject({ code: expect.stringMatching(/^(seal-wrong|wrong-key)$/) })
    await lifeboat.proveKey('shop/latest')
    expect(codes(await lifeboat.listKeys('shop'))).toEqual([])
  })
})

describe('a rotation', () => {
  it('encrypts to the keys of today, is verified, says where it came from, and opens with stock gpg', async () => {
    const store = await storeAt('rotated')
    const { id, manifest: old } = await (await open(store)).backup('shop')
    const lifeboat = await open(store, {
      encryption: {
        recipients: [key('next'), key('recovery')],
        signingKey: 'writer-private.asc',
        ...privateKey('next'),
      },
    })
    expect(codes(await lifeboat.listKeys('shop'))).toEqual([
      'key-not-configured team',
      'key-unproved recovery',
      'key-opens-nothing-yet next',
    ])
    await expect(lifeboat.rotate('shop/latest')).rejects.toMatchObject({ code: 'wrong-key' })
    const done = await lifeboat.rotate('shop/latest', { key: privateKey('team') })
    expect(done).toMatchObject({ outcome: 'rotated', verified: 'content', removedOld: false, kept: null })
    // The old one is still there, whole; `latest` is the new one.
    expect((await lifeboat.verify(`shop/${id}`, { level: 'stored' })).ok).toBe(true)
    const { manifest } = await lifeboat.show('shop/latest')
    expect(manifest).toMatchObject({
      id: done.rotated!.id,
      createdAt: old.createdAt,
      rotatedFrom: { id },
      tables: old.tables,
    })
    expect(manifest.artifacts[0]!.encryption).toMatchObject({
      fingerprints: [fingerprints.next, fingerprints.recovery],
    })
    expect(manifest.artifacts[0]!.storedSha256).not.toBe(old.artifacts[0]!.storedSha256)
    // The removed holder opens nothing of it, nor does whoever kept the old session key: it is another one.
    const removed = lifeboat.proveKey('shop/latest', { key: privateKey('team') })
    await expect(removed).rejects.toMatchObject({ code: 'wrong-key' })
    const stolen = await sessionKeyOf('team', join(folder, 'rotated', old.artifacts[0]!.key))
    const artifact = join(folder, 'rotated', manifest.artifacts[0]!.key)
    const opened = (file: string) =>
      sh(`gpg --batch --quiet --override-session-key '${stolen}' --decrypt '${file}' | gunzip | head -c 5`).catch(
        () => 'refused',
      )
    expect(await opened(join(folder, 'rotated', old.artifacts[0]!.key))).toBe('PGDMP')
    expect(await opened(artifact)).not.toBe('PGDMP')
    await sh(`gpg --batch --quiet --import recovery-private.asc
      gpg --batch --quiet --decrypt '${artifact}' | gunzip > again.dump
      createdb keyed_again
      pg_restore --no-owner --exit-on-error --dbname keyed_again again.dump`)
    expect(
      await sh(`psql -XqAtd keyed_again -c "select count(*), md5(string_agg(o::text, '|' order by id)) from orders o"`),
    ).toBe(await sh(`psql -XqAtd keyed -c "select count(*), md5(string_agg(o::text, '|' order by id)) from orders o"`))
    expect((await lifeboat.rotate(`shop/${id}`, { key: privateKey('team') })).outcome).toBe('present')
    expect((await lifeboat.rotate(`shop/${done.rotated!.id}`)).outcome).toBe('current')
    const last = await lifeboat.rotate(`shop/${id}`, { key: privateKey('team'), removeOld: true })
    expect(last).toMatchObject({ outcome: 'present', verified: 'content', removedOld: true })
    expect((await lifeboat.list('shop')).backups.map(one => one.id)).toEqual([done.rotated!.id])
  })

  it('keeps the old one where no key at hand can read the new one', async () => {
    const store = await storeAt('unread')
    const { id } = await (await open(store)).backup('shop')
    const lifeboat = await open(store, { encryption: { recipients: [key('next')], signingKey: 'writer-private.asc' } })
    const done = await lifeboat.rotate('shop/latest', { key: privateKey('team'), removeOld: true })
    expect(done).toMatchObject({ outcome: 'rotated', verified: 'stored', removedOld: false, kept: expect.any(String) })
    expect((await lifeboat.list('shop')).backups.map(one => one.id)).toContain(id)
  })

  it('keeps the old one where the new one went into an archive, and nobody read it', async () => {
    const store = await storeAt('archived')
    const { id } = await (await open(store)).backup('shop')
    const archiving: ObjectStore = {
      ...store,
      async head(key, options) {
        const found = await store.head(key, options)
        if (found === undefined || key.includes(id) || !key.endsWith('.gpg')) return found
        return { ...found, storageClass: 'DEEP_ARCHIVE', archive: { state: 'archived' } }
      },
    }
    const readers = { recipients: [key('next'), key('recovery')], signingKey: 'writer-private.asc' }
    const lifeboat = await open(archiving, { encryption: { ...readers, ...privateKey('next') } })
    const done = await lifeboat.rotate('shop/latest', { key: privateKey('team'), removeOld: true })
    expect(done).toMatchObject({ outcome: 'rotated', verified: null, removedOld: false })
    expect(done.kept).toContain('archive')
    expect((await lifeboat.list('shop')).backups.map(one => one.id)).toContain(id)
  })

  it('asks for one that lies in an archive only where that is said, and says when to come back', async () => {
    const plain = await storeAt('retrieved')
    const { id } = await (await open(plain)).backup('shop')
    const store = archiving(plain, one => one.includes(id) && one.endsWith('.gpg'))
    const lifeboat = await open(store, { encryption: { recipients: [key('next')], ...privateKey('next') } })
    const prove = (options: ProveOptions) => lifeboat.proveKey(`shop/${id}`, { key: privateKey('team'), ...options })
    await expect(prove({})).rejects.toMatchObject({
      code: 'object-archived',
      hint: expect.stringMatching(/--retrieve/),
    })
    const rotate = (options: RotateOptions) => lifeboat.rotate(`shop/${id}`, { key: privateKey('team'), ...options })
    await expect(rotate({})).rejects.toMatchObject({
      code: 'object-archived',
      hint: expect.stringMatching(/--retrieve/),
    })
    expect(await rotate({ dryRun: true, retrieve: {} })).toMatchObject({ outcome: 'due' })
    expect(store.retrievals).toEqual([])
    await expect(rotate({ retrieve: {} })).rejects.toMatchObject({
      ...{ code: 'object-archived', hint: expect.stringMatching(/^come back after .* UTC/) },
    })
    expect(store.retrievals).toHaveLength(1)
    store.finish()
    expect((await prove({ retrieve: {} })).record.id).toBe(id)
    expect(await rotate({ retrieve: {} })).toMatchObject({ outcome: 'rotated', verified: 'content' })
    store.expire()
    // Done is done: nothing is asked for again.
    expect(await rotate({ retrieve: {} })).toMatchObject({ outcome: 'present' })
    expect(store.retrievals).toHaveLength(1)
  })

  it('refuses a backup that somebody else wrote: it would vouch for it', async () => {
    const store = await storeAt('planted')
    const planted = await open(store, { encryption: { ...toTeam, signingKey: 'next-private.asc' } })
    const { id } = await planted.backup('shop')
    const lifeboat = await open(store, { encryption: { recipients: [key('next')], signingKey: 'writer-private.asc' } })
    await expect(lifeboat.rotate(`shop/${id}`, { key: privateKey('team') })).rejects.toMatchObject({
      code: 'seal-wrong',
    })
    expect(await objectsOf(store, 'shop/')).toHaveLength(2)
  })

  it('knows what a passphrase opens by its seal, and retrieves nothing for that', async () => {
    const plain = await storeAt('archived-phrase')
    const [before, after] = ['before it leaked', 'after it leaked'].map(one => secret.value(one))
    const { id } = await (await open(plain, { encryption: { passphrase: before! } })).backup('shop')
    const store = archiving(plain, one => one.endsWith('.gpg'))
    const lifeboat = await open(store, { encryption: { passphrase: after! } })
    const rotate = (name: string) => lifeboat.rotate(`shop/${name}`, { key: { passphrase: before }, retrieve: {} })
    await expect(rotate(id)).rejects.toMatchObject({ code: 'object-archived' })
    store.finish()
    const done = await rotate(id)
    expect(done).toMatchObject({ outcome: 'rotated', verified: null })
    store.expire()
    expect(await rotate(id)).toMatchObject({ outcome: 'present', rotated: done.rotated })
    expect(await lifeboat.rotate(`shop/${done.rotated!.id}`, { retrieve: {} })).toMatchObject({ outcome: 'current' })
    expect(store.retrievals).toHaveLength(1)
  })

  it('changes a passphrase', async () => {
    const store = await storeAt('old-phrase')
    const [before, after] = ['before it leaked', 'after it leaked'].map(one => secret.value(one))
    const { id } = await (await open(store, { encryption: { passphrase: before! } })).backup('shop')
    const lifeboat = await open(store, { encryption: { passphrase: after! } })
    const done = await lifeboat.rotate(`shop/${id}`, { key: { passphrase: before } })
    expect(done).toMatchObject({ outcome: 'rotated', verified: 'content' })
    expect((await lifeboat.rotate(`shop/${done.rotated!.id}`)).outcome).toBe('current')
    const [pruned] = await lifeboat.prune('shop', { apply: true })
    expect(pruned?.plan.remove).toMatchObject([{ id, reasons: [`encrypted anew as ${done.rotated!.id}`] }])
    expect(pruned?.removed).toEqual([id])
    await writeFile(join(folder, 'phrase.txt'), 'after it leaked')
    const file = join(folder, 'old-phrase/shop', done.rotated!.id, 'database.dump.gz.gpg')
    const gpg = `gpg --batch --quiet --pinentry-mode loopback --passphrase-file phrase.txt --decrypt`
    expect(await sh(`${gpg} '${file}' | gunzip | head -c 5`)).toBe('PGDMP')
  })
})

/** As gpg shows it to whoever holds the key. */
async function sessionKeyOf(holder: string, file: string): Promise<string> {
  await sh(`gpg --batch --quiet --import ${holder}-private.asc`)
  const said = await sh(`gpg --batch --show-session-key --decrypt '${file}' 2>&1 >/dev/null`)
  return /session key: '([^']+)'/.exec(said)![1]!
}
