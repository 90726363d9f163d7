import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import {
  appendFile,
  chmod,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { faulty } from '../../../testkit/src/faulty-store.js'
import { registerSecret } from '../../../testkit/src/leaks/leak-record.js'
import type {} from '../../../testkit/src/provided-postgres.js'
import { describeTree } from '../files/testing/describe-tree.js'
import {
  BackupError,
  type BackupEvent,
  type BackupResult,
  directory,
  type Lifeboat,
  type LifeboatConfig,
  memoryStore,
  openLifeboat,
  secret,
} from '../index.js'

const run = promisify(execFile)
const passphrase = 'a horse in a boat'
const planted = 'sk_live_planted_5f2c9e71'
const sparseBytes = 4 * 2 ** 30
/** Where the sparse file holds something, and where it holds nothing. */
const samples = [0, 512, 2 ** 31, 2 ** 31 + 12_000, 3 * 2 ** 30, sparseBytes - 1024]
const oddName = 'every "odd" \'char\'\\ \n\t\r\u0001\u007f 🚀 é\u0301 $(x) `y` ;&|<>*?[]{}!#%~ \u202e'

let folder: string
let app: string
let lifeboat: Lifeboat
let result: BackupResult
const events: BackupEvent[] = []
const memory = memoryStore()

const product = (changes: Partial<LifeboatConfig['products'][string]> = {}): LifeboatConfig['products'][string] => ({
  source: { url: secret.value(inject('postgres').url) },
  encryption: { passphrase: secret.value(passphrase) },
  destinations: { local: { store: directory(join(app, 'backups')) }, memory: { store: memory } },
  ...changes,
})
const openWith = (products: LifeboatConfig['products']) => openLifeboat({ products }, { configFolder: folder })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-files-'))
  app = join(folder, 'app')
  registerSecret(planted)
  await mkdir(join(app, 'config/empty'), { recursive: true })
  await writeFile(join(app, '.env'), `STRIPE_KEY=${planted}\n`, { mode: 0o600 })
  await writeFile(join(app, 'config/app.json'), '{}', { mode: 0o640 })
  await writeFile(join(app, 'config', oddName), 'odd')
  await writeFile(Buffer.concat([Buffer.from(`${app}/config/`), Buffer.from([0x63, 0xff, 0xfe])]), 'not UTF-8')
  await writeFile(join(app, 'config', `${'long'.repeat(60)}.txt`), 'long')
  await writeFile(join(app, 'config/skipped.log'), 'log')
  await writeFile(join(folder, 'outside'), 'never taken')
  await symlink('../../outside', join(app, 'config/out'))
  await symlink('app.json', join(app, 'config/in'))
  await lutimes(join(app, 'config/in'), 1_400_000_000, 1_400_000_000)
  await writeFile(join(app, 'unrelated'), 'not taken')
  await run('mkfifo', [join(app, 'config/pipe')])
  const sparse = await open(join(app, 'config/disk.img'), 'w')
  await sparse.write('begin', 0)
  await sparse.write('middle', 2 ** 31 + 12_345)
  await sparse.close()
  await truncate(join(app, 'config/disk.img'), sparseBytes)
  await utimes(join(app, 'config/app.json'), 1_600_000_000.123_456, 1_600_000_000.123_456)
  await writeFile(join(app, 'config/tool'), '#!/bin/sh\n')
  await chmod(join(app, 'config/tool'), 0o4755)
  await chmod(join(app, 'config/empty'), 0o711)
  await utimes(join(app, 'config/empty'), 1_500_000_000, 1_500_000_000)
  const files = {
    settings: { root: 'app', include: ['.env*', 'config/**', 'nothing/*'], exclude: ['**/*.log'] },
    rest: { root: 'app', include: ['*'], exclude: ['config', '.env'] },
  }
  lifeboat = await openWith({
    shop: product({
      source: { url: secret.value(inject('postgres').url), roles: 'auto' },
      files,
      drill: { url: secret.value(inject('postgres').url), allowSourceServer: new URL(inject('postgres').url).host },
    }),
  })
  result = await lifeboat.backup('shop', { onEvent: event => events.push(event) })
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const artifact = (name: string) => result.manifest.artifacts.find(one => one.name === name)!
const warnings = (list: readonly BackupEvent[]) =>
  list.flatMap(event => (event.type === 'warning.raised' ? [event.message] : []))

/** What of the application's folder a restore brings back. */
async function expectedTree(): Promise<Record<string, string>> {
  const tree = await describeTree(app, samples)
  const left = /^(backups|unrelated|config\/pipe$|config\/skipped\.log$)/
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([name]) => !left.test(Buffer.from(name, 'hex').toString()))
      .map(([name, facts]) => [name, facts.replace('file 4755', 'file 755')]),
  )
}

describe('files in a backup', () => {
  it('are not each said to be locked by another key: once is enough', async () => {
    const other = await openWith({ shop: product({ encryption: { passphrase: secret.value('of another product') } }) })
    const { findings } = await other.verify('latest', { destination: 'memory' })
    expect(findings.filter(one => one.severity === 'critical').map(one => one.code)).toEqual(['wrong-key'])
  })

  it('are an artifact for each bundle, and what is no file is said', async () => {
    expect(result.status).toBe('complete')
    expect(result.manifest.artifacts.map(one => [one.kind, one.key.split('/').at(-1)])).toEqual([
      ['database', 'database.dump.gz.gpg'],
      ['roles', 'roles.sql.gz.gpg'],
      ['files', 'settings.tar.gz.gpg'],
      ['files', 'rest.tar.gz.gpg'],
    ])
    expect(artifact('settings').files).toMatchObject({ files: 7, folders: 2, links: 2, changed: 0, leftOut: 1 })
    // The store of the backup itself lies below the root, and is not in it.
    expect(artifact('rest').files).toMatchObject({ files: 1, folders: 0, links: 0 })
    expect(warnings(events)).toEqual([
      `files.settings: nothing/* matches nothing in ${app}`,
      'files.settings: "config/pipe": left out: it is a pipe',
    ])
  })

  it('come back as they were: a .env, a link, 4 GiB of holes, a name of every odd character, modes, times, empty folders', async () => {
    const target = join(folder, 'restored')
    const restored = await lifeboat.restoreFiles('latest', { toFolder: target, bundles: ['settings'] })
    expect(restored.restored).toMatchObject([{ name: 'settings', files: 7, folders: 2, links: 2 }])
    expect(await describeTree(target, samples)).toEqual(await expectedTree())
    const sparse = await stat(join(target, 'config/disk.img'))
    expect(sparse.size).toBe(sparseBytes)
    expect(sparse.blocks * 512).toBeLessThan(2 ** 20)
  })

  it('come back with gpg, gunzip and tar alone', async () => {
    await writeFile(join(folder, 'pass'), passphrase)
    const home = await mkdtemp('/tmp/lb-gpg-')
    try {
      const script = `mkdir glass
        gpg --homedir '${home}' --batch --quiet --pinentry-mode loopback --passphrase-file pass --decrypt 'app/backups/${artifact('settings').key}' |
          gunzip | tar --extract --preserve-permissions --directory glass`
      const { stderr } = await run('sh', ['-ec', script], { cwd: folder })
      expect(stderr).toBe('')
    } finally {
      await run('gpgconf', ['--homedir', home, '--kill', 'all'])
      await rm(home, { recursive: true, force: true })
    }
    await chmod(join(folder, 'glass/config/tool'), 0o755)
    expect(await describeTree(join(folder, 'glass'), samples)).toEqual(await expectedTree())
    expect((await stat(join(folder, 'glass/config/disk.img'))).blocks * 512).toBeLessThan(2 ** 20)
  })

  it('leave nothing in clear in the store: no secret of the .env, no name of a file', async () => {
    const root = join(app, 'backups')
    let looked = 0
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const bytes = await readFile(join(entry.parentPath, entry.name))
      for (const text of [planted, 'STRIPE', '.env', 'app.json', 'disk.img'])
        expect(bytes.includes(text), entry.name).toBe(false)
      looked++
    }
    expect(looked).toBe(5)
  })

  it('are proven by verify at every level, and what is missing of them is a warning there', async () => {
    for (const level of ['listed', 'stored', 'content'] as const) {
      const report = await lifeboat.verify('latest', { level, destination: 'memory' })
      expect(report.ok).toBe(true)
      expect(report.findings.map(one => one.code)).toEqual(level === 'content' ? ['files-left-out'] : [])
    }
  })

  it('are unpacked and read again by a drill, which leaves none of them behind', async () => {
    const report = await lifeboat.drill('latest', { destination: 'memory' })
    expect(report.findings.filter(one => one.severity === 'critical')).toEqual([])
    expect(report.checks.map(({ name, ok }) => [name, ok])).toEqual(
      expect.arrayContaining([
        ['roles read to their end', true],
        ['files of settings unpacked', true],
        ['files of rest unpacked', true],
      ]),
    )
    expect(report.record.steps.map(one => one.step)).toContain('unpack settings')
  })

  it('are restored in part by path, only into a new or empty folder unless told, and special bits only when told', async () => {
    const target = join(folder, 'part')
    const paths = ['config/app.json', 'config/tool']
    const once = await lifeboat.restoreFiles('latest', { toFolder: target, bundles: ['settings'], paths })
    expect(once.restored).toMatchObject([{ files: 2, folders: 1 }])
    expect(await readdir(join(target, 'config'))).toEqual(['app.json', 'tool'])
    expect((await stat(join(target, 'config/tool'))).mode & 0o7777).toBe(0o755)
    const again = { toFolder: target, bundles: ['settings'], paths }
    await expect(lifeboat.restoreFiles('latest', again)).rejects.toMatchObject({ code: 'target-not-empty' })
    await appendFile(join(target, 'config/app.json'), 'changed')
    await lifeboat.restoreFiles('latest', { ...again, overwrite: true, specialBits: true })
    expect(await readFile(join(target, 'config/app.json'), 'utf8')).toBe('{}')
    expect((await stat(join(target, 'config/tool'))).mode & 0o7777).toBe(0o4755)
  })

  it('go into folders of their names when there are several bundles', async () => {
    const target = join(folder, 'both')
    const paths = ['.env', 'unrelated']
    await lifeboat.restoreFiles('latest', { toFolder: target, paths })
    expect((await readdir(target, { recursive: true })).sort()).toEqual([
      'rest',
      'rest/unrelated',
      'settings',
      'settings/.env',
    ])
  })

  it('are listed by name', async () => {
    const listed = await lifeboat.files('latest', { paths: ['config/in', 'config/disk.img'] })
    expect(listed).toMatchObject([
      { bundle: 'settings', kind: 'file', name: 'config/disk.img', sizeBytes: sparseBytes },
      { bundle: 'settings', kind: 'link', name: 'config/in', target: 'app.json' },
    ])
  })

  it('are found damaged when one stored byte differs, and a restore leaves nothing behind', async () => {
    const { key } = artifact('settings')
    const path = join(app, 'backups', key)
    const bytes = await readFile(path)
    const at = bytes.length - 60
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    const original = await readFile(path)
    await writeFile(path, bytes)
    try {
      const report = await lifeboat.verify('latest', { destination: 'local' })
      expect(report.ok).toBe(false)
      const target = join(folder, 'damaged')
      const restoring = lifeboat.restoreFiles('latest', {
        toFolder: target,
        bundles: ['settings'],
        destination: 'local',
      })
      await expect(restoring).rejects.toMatchObject({ code: expect.stringMatching(/damaged|truncated/) })
      await expect(stat(target)).rejects.toMatchObject({ code: 'ENOENT' })
    } finally {
      await writeFile(path, original)
    }
  })

  it('that are damaged replace nothing of what is there', async () => {
    const root = join(folder, 'replaced')
    await mkdir(root)
    await writeFile(join(root, 'a'), 'theirs')
    // Long enough for the first file to come well before the end.
    await writeFile(join(root, 'b'), Buffer.alloc(2 ** 21, 'long'))
    const whole = memoryStore()
    let storedBytes = 0
    let read = 0
    const damaged = faulty(whole, ({ step, key }, chunk) => {
      if (step === 'get') read = 0
      if (step !== 'get-chunk' || !key.includes('/all.tar')) return
      read += chunk!.length
      if (read === storedBytes) return Buffer.from(chunk!).fill(0, chunk!.length - 60)
    })
    const boat = await openWith({
      shop: product({
        ...{ files: { all: { root, include: ['**'] } }, destinations: { memory: { store: damaged } } },
        compression: { codec: 'none', level: 1 },
      }),
    })
    const { manifest } = await boat.backup('shop')
    storedBytes = manifest.artifacts.find(one => one.name === 'all')!.storedBytes
    await writeFile(join(root, 'a'), 'mine')
    const restoring = boat.restoreFiles('latest', { toFolder: root, overwrite: true })
    await expect(restoring).rejects.toMatchObject({ code: 'object-damaged' })
    expect(await readFile(join(root, 'a'), 'utf8')).toBe('mine')
  })
})

describe('two restores into one folder', () => {
  it('do not take away what the other wrote', async () => {
    const target = join(folder, 'shared')
    await mkdir(target)
    const theirs = join(target, 'config/app.json')
    const restoring = lifeboat.restoreFiles('latest', {
      ...{ toFolder: target, bundles: ['settings'] },
      onEvent: event => {
        if (event.type !== 'stage.progressed' || existsSync(theirs)) return
        mkdirSync(join(target, 'config'), { recursive: true })
        writeFileSync(theirs, 'of the other one')
      },
    })
    await expect(restoring).rejects.toMatchObject({ code: 'target-not-empty' })
    expect(await readFile(theirs, 'utf8')).toBe('of the other one')
    const both = await Promise.allSettled(
      [1, 2].map(() => lifeboat.restoreFiles('latest', { toFolder: join(folder, 'new'), bundles: ['settings'] })),
    )
    expect(both.map(one => one.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await readFile(join(folder, 'new/config/app.json'), 'utf8')).toBe('{}')
  })
})

describe('a file longer than memory should ever hold', () => {
  it('is restored without being held', async () => {
    const bytes = 192 * 2 ** 20
    await mkdir(join(folder, 'large'))
    const file = await open(join(folder, 'large/video'), 'w')
    const block = Buffer.alloc(2 ** 20, 'no hole, and quick to compress. ')
    for (let at = 0; at < bytes; at += block.byteLength) await file.write(block, 0, block.byteLength, at)
    await file.close()
    await mkdir(join(folder, 'small'))
    await writeFile(join(folder, 'small/note'), 'small')
    const boat = await openWith({
      shop: product({
        destinations: { local: { store: directory(join(folder, 'kept')) } },
        files: { large: { root: 'large', include: ['**'] }, small: { root: 'small', include: ['**'] } },
      }),
    })
    const { id } = await boat.backup('shop')
    // A process of its own: this one has held much already.
    const program = `
      import { openLifeboat, directory, secret } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url))}
      const [kept, to, id] = process.argv.slice(2)
      const boat = await openLifeboat({ products: { shop: {
        source: { url: secret.value('postgres://nobody@example.org/shop') },
        encryption: { passphrase: secret.value(${JSON.stringify(passphrase)}) },
        destinations: { local: { store: directory(kept) } },
      } } })
      const most = []
      for (const bundle of ['small', 'large']) {
        await boat.restoreFiles(id, { toFolder: to + '/' + bundle, bundles: [bundle] })
        most.push(process.resourceUsage().maxRSS * 1024)
      }
      console.log(JSON.stringify(most))`
    await writeFile(join(folder, 'restore.mjs'), program)
    const args = [join(folder, 'restore.mjs'), join(folder, 'kept'), join(folder, 'out'), id]
    const [before, after] = JSON.parse((await run(process.execPath, args)).stdout) as [number, number]
    expect((await stat(join(folder, 'out/large/video'))).size).toBe(bytes)
    expect(after - before).toBeLessThan(bytes / 2)
  })
})

describe('a backup with files', () => {
  it('is refused before anything is dumped when a root is missing or a bundle would be empty', async () => {
    const events: BackupEvent[] = []
    const wrong: LifeboatConfig['products'][string]['files'][] = [
      { gone: { root: 'not-there', include: ['**'] } },
      { none: { root: 'app', include: ['*.missing'] } },
    ]
    for (const files of wrong) {
      const boat = await openWith({ shop: product({ files }) })
      const backing = boat.backup('shop', { onEvent: event => events.push(event) })
      await expect(backing).rejects.toMatchObject({ code: 'files-missing' })
    }
    expect(events).toEqual([])
  })

  it('is nowhere where one of its artifacts is not', async () => {
    const [good, bad] = [memoryStore(), memoryStore()]
    const broken = faulty(bad, ({ step, key }) => {
      if (step === 'put' && key.includes('env.tar')) throw new BackupError('store-full', 'the disk is full')
    })
    const boat = await openWith({
      shop: product({
        destinations: { good: { store: good, retention: { last: 1, minimum: 1 } }, bad: { store: broken } },
        files: { env: { root: 'app', include: ['.env'] } },
      }),
    })
    const made = await boat.backup('shop')
    expect(made.status).toBe('partial')
    expect(made.destinations.map(one => one.outcome)).toEqual(['stored', 'failed'])
    const keys = async (store: typeof good) => {
      const found: string[] = []
      for await (const { key } of store.list('shop/')) found.push(key.split('/').at(-1)!)
      return found.sort()
    }
    expect(await keys(good)).toEqual(['database.dump.gz.gpg', 'env.tar.gz.gpg', 'manifest.json'])
    expect(await keys(bad)).toEqual([])
    // Retention takes a backup whole: every artifact of the older one goes with its manifest.
    const second = await boat.backup('shop')
    await boat.verify(second.id, { destination: 'good' })
    const [pruned] = await boat.prune('shop', { apply: true, destination: 'good' })
    expect(pruned?.removed).toEqual([made.id])
    const left: string[] = []
    for await (const { key } of good.list('shop/')) left.push(key)
    expect(left.filter(key => key.includes(made.id) && !key.includes('verifications'))).toEqual([])
    expect(left.filter(key => key.startsWith(`shop/${second.id}/`))).toHaveLength(3)
  })
})
