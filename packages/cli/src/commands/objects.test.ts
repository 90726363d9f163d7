import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BackupError,
  directory,
  type Lifeboat,
  memoryStore,
  type ObjectRestorePlan,
  type ObjectStore,
  type ObjectsReport,
  openLifeboat,
  type RunOutcome,
  secret,
} from '@lifeboat/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, type World } from '../testing/fake-io.js'

let folder: string
let source: ObjectStore

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-objects-cli-'))
  source = memoryStore()
  for (const key of ['invoices/1.pdf', 'invoices/2.pdf', 'photos/1.jpg']) await put(key, `content of ${key}`)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function put(key: string, text: string) {
  await source.put(
    key,
    (async function* () {
      yield Buffer.from(text)
    })(),
  )
}

const product = (vault: string) => ({
  source: { url: secret.value('postgres://nobody@example.org/shop', 'a test') },
  encryption: { passphrase: secret.value('correct horse battery staple', 'a test') },
  destinations: { vault: { store: directory(vault) } },
})

const schedule = { copy: '0 3 * * *', verify: '0 4 * * *', prune: '0 5 * * 0' }

const world = (prompts?: World['prompts']): World => ({
  open: (_, options) => {
    const shop = {
      ...product(join(folder, 'vault')),
      objects: { uploads: { from: source, retention: { last: 1 }, schedule } },
    }
    return openLifeboat({ products: { shop, blog: product(join(folder, 'other')) } }, options)
  },
  ...(prompts && { prompts }),
})

const plan: ObjectRestorePlan = {
  ...{ product: 'shop', set: 'uploads', id: '20261121T020000Z-7f3k9q', destination: 'vault', target: '/there' },
  ...{ createdAt: '2026-11-21T02:00:00Z', targetIsSource: false, prefix: '', existing: 'refuse', objects: 3 },
  ...{ plainBytes: 9, present: 0, archived: null, warnings: [] },
}
const report: ObjectsReport = {
  ...{ product: 'shop', set: 'uploads', id: plan.id, destination: 'vault', level: 'listed', ok: true, findings: [] },
  ...{ objects: 3, read: 0, readBytes: 0, durationMs: 1 },
}

const lifeboat = (...argv: string[]) => runCli(argv, world())

describe('lifeboat objects', () => {
  it('copies, lists, verifies, restores and prunes', async () => {
    const copied = await lifeboat('objects', 'backup', 'shop')
    expect(copied.stderr).not.toMatch(/error/)
    expect(copied.status).toBe(0)
    expect(copied.stdout).toMatch(/^shop\/uploads: complete .*\n {2}vault: \S+, 3 objects, .*\(3 added, /)

    const listed = await lifeboat('objects', 'list', 'shop', '--json')
    expect(listed.json()).toMatchObject({ product: 'shop', unreadable: [], snapshots: [{ set: 'uploads' }] })

    const verified = await lifeboat('objects', 'verify', 'shop', 'uploads', '--sample', '1')
    expect([verified.status, verified.stdout]).toEqual([0, expect.stringMatching(/: ok \(level content, 3 objects/)])

    const history = await lifeboat('history', 'shop')
    expect(history.stdout).toMatch(/^WHEN +SNAPSHOT .*\n\S+ \S+ +shop\/uploads\/\S+ +vault +content +ok /)
    expect((await lifeboat('history', '--json')).json()).toMatchObject({ records: [], objects: [{ set: 'uploads' }] })

    // What a plan says for the worst day works as it stands there.
    const plan = (await lifeboat('plan', 'shop')).stdout.match(/^lifeboat objects .*/gm) ?? []
    expect(plan).toHaveLength(3)
    for (const line of plan) {
      const words = line.replace('./uploads-restored', join(folder, 'by-plan')).split(' ').slice(1)
      const { status, stderr } = await lifeboat(...words)
      expect([status, line, stderr]).toEqual([0, line, expect.not.stringMatching(/error/)])
    }
    expect((await readdir(join(folder, 'by-plan'))).sort()).toEqual(['invoices', 'photos'])

    const restored = join(folder, 'restored')
    const argv = ['objects', 'restore', 'shop', '--to', restored, '--prefix', 'invoices/', '--yes']
    const first = await lifeboat(...argv)
    expect(first.stderr).toMatch(/restore shop\/uploads\/.* keys that begin with invoices\//)
    expect([first.status, first.stdout]).toEqual([0, expect.stringMatching(/^restored: 2 objects/)])
    expect(await readdir(restored)).toEqual(['invoices'])
    expect(await readFile(join(restored, 'invoices', '1.pdf'), 'utf8')).toBe('content of invoices/1.pdf')

    const again = await lifeboat(...argv)
    expect(again.status).toBe(1)
    expect(again.stderr).toMatch(/error: .* has 2 of these 2 objects\nhint: .*--keep-existing/)
    expect((await lifeboat(...argv, '--keep-existing')).stdout).toMatch(/0 objects.*2 left as they were/)

    const pruned = await lifeboat('objects', 'prune', 'shop')
    expect([pruned.status, pruned.stdout]).toEqual([0, expect.stringMatching(/^shop\/uploads at vault: keep 1/)])
  })

  it('asks before it writes, and with the name of the set where the target is the source', async () => {
    await source.remove('invoices/1.pdf')
    const answers = { confirm: async () => false, text: async () => 'shop/uploads', secret: async () => undefined }
    const refused = await runCli(['objects', 'restore', 'shop', '--to', './there'], world(answers))
    expect([refused.status, refused.stderr]).toEqual([130, expect.stringMatching(/nothing was changed/)])
    const into = ['objects', 'restore', 'shop', '--to', 'source', '--keep-existing']
    expect((await runCli(into, world(answers))).stdout).toMatch(/^restored: 1 object, .*2 left as they were/)
    expect(await source.head('invoices/1.pdf')).toBeDefined()
    const unasked = await lifeboat(...into)
    expect([unasked.status, unasked.stderr]).toEqual([2, expect.stringMatching(/add --yes/)])
  })

  it('tells damage by its status', async () => {
    const store = directory(join(folder, 'vault'))
    for await (const { key } of store.list('shop/objects/uploads/content/')) await store.remove(key)
    const { status, stdout } = await lifeboat('objects', 'verify', 'shop', '--level', 'listed')
    expect([status, stdout]).toEqual([4, expect.stringMatching(/content-missing/)])
  })

  it('tells whoever is to be told what became of a copy, a verification and a prune by hand', async () => {
    const told: RunOutcome[] = []
    const nothing = { deliveries: [], warnings: [] }
    const fake = {
      lifeboat: {
        products: ['shop'],
        objectSets: () => ['uploads'],
        reportStart: async () => nothing,
        reportRun: async (outcome: RunOutcome) => {
          told.push(outcome)
          return nothing
        },
        copyObjects: async () => {
          throw new BackupError('store-auth-failed', 'the key was refused')
        },
        verifyObjects: async () => report,
      },
    }
    expect((await runCli(['objects', 'backup', 'shop'], fake)).status).toBe(1)
    await runCli(['objects', 'verify', 'shop'], fake)
    await runCli(['objects', 'backup', 'shop', '--no-notify'], fake)
    await runCli(['objects', 'verify', 'shop', '--snapshot', report.id], fake)
    expect(told).toMatchObject([
      { product: 'shop', job: 'copy:uploads', result: 'failed', failures: [{ code: 'store-auth-failed' }] },
      { product: 'shop', job: 'verify:uploads', result: 'ok', destinations: [report.destination] },
    ])
  })

  it('shows what lies in an archive, ends with 13 where it is not asked for, and passes on how to bring it back', async () => {
    const archived = { contents: 2, storedBytes: 3 * 2 ** 20, retrieving: 0, storageClass: 'DEEP_ARCHIVE' }
    const asked: object[] = []
    const finding = {
      severity: 'warning',
      code: 'content-archived',
      message: '2 contents: not read',
      hint: null,
    } as const
    const fake = (more: object) => ({
      lifeboat: {
        products: ['shop'],
        objectSets: () => ['uploads'],
        planObjectRestore: async () => ({ ...plan, archived }),
        verifyObjects: async (_: string, __: string, options: object = {}) => {
          asked.push(options)
          return { ...report, findings: [finding], ...more }
        },
      },
    })
    const restore = ['objects', 'restore', 'shop', '--to', './there']
    const shown = await runCli([...restore, '--dry-run'], fake({}))
    expect([shown.status, shown.stdout]).toEqual([
      0,
      expect.stringMatching(/2 contents \(3\.0 MiB\) lie in DEEP_ARCHIVE/),
    ])
    const unasked = await runCli(restore, fake({}))
    expect([unasked.status, unasked.stderr]).toEqual([
      13,
      expect.stringMatching(/must be retrieved.*\nhint: `--retrieve`/),
    ])

    const verify = ['objects', 'verify', 'shop', 'uploads']
    expect((await runCli(verify, fake({}))).status).toBe(13)
    expect((await runCli(verify.slice(0, 3), fake({}))).status).toBe(0)
    expect((await runCli([...verify, '--level', 'stored'], fake({}))).status).toBe(0)
    await runCli([...verify, '--retrieval-tier', 'bulk', '--wait', '12h'], fake({}))
    expect(asked.at(-1)).toMatchObject({ retrieve: { tier: 'bulk', waitMs: 12 * 3_600_000 } })
  })

  it('shows which snapshots need content in an archive, and what a lock keeps', async () => {
    const snapshot = {
      id: '20261121T020000Z-7f3k9q',
      createdAt: '2026-11-21T02:00:00Z',
      objects: 3,
      plainBytes: 9,
      missed: 0,
    }
    const listed = { ...snapshot, product: 'shop', set: 'uploads', destination: 'vault', location: 'x', archived: true }
    const pruned = {
      ...{
        product: 'shop',
        set: 'uploads',
        destination: 'vault',
        applied: true,
        removed: [],
        retained: [],
        held: null,
      },
      ...{
        plan: { keep: [], remove: [] },
        unneeded: { count: 3, storedBytes: 9 },
        freed: { count: 1, storedBytes: 3 },
      },
      locked: { count: 2, storedBytes: 6, until: '2027-01-02T03:04:05.000Z' },
    }
    const world = {
      lifeboat: {
        products: ['shop'],
        objectSets: () => ['uploads'],
        listObjectSnapshots: async () => ({
          snapshots: [{ ...listed, snapshot: { ...snapshot, added: { plainBytes: 9 } } }],
          unreadable: [],
        }),
        pruneObjects: async () => [pruned],
      } as unknown as Partial<Lifeboat>,
    }
    expect((await runCli(['objects', 'list', 'shop'], world)).stdout).toMatch(/content\n.*in an archive/)
    const done = await runCli(['objects', 'prune', 'shop', '--apply'], world)
    expect([done.status, done.stdout]).toEqual([
      0,
      expect.stringMatching(/retained {2}2 files that no snapshot needs, 6 B.*, locked until 2027-01-02/),
    ])
  })

  it.each([
    [['objects', 'backup', 'nowhere'], /no product "nowhere"/],
    [['objects', 'backup', 'blog'], /blog has no sets of objects/],
    [['objects', 'backup', 'shop', 'films'], /no set of objects "films"\nhint: it has: uploads/],
    [['objects', 'restore', 'shop', '--to', 'nothing-known'], /not a place to restore to/],
    [['objects', 'verify', 'shop', '--sample', '2'], /above 0, and 1 at most/],
    [['objects', 'restore', 'shop', '--to', './x', '--overwrite', '--keep-existing'], /cannot be used with/],
  ])('refuses %j', async (argv, complaint) => {
    const { status, stderr } = await lifeboat(...argv)
    expect([status, stderr]).toEqual([2, expect.stringMatching(complaint)])
  })
})

describe('the schedule of a set', () => {
  // What the tests above have damaged.
  beforeAll(() => rm(join(folder, 'vault'), { recursive: true, force: true }))

  it.each(['cron', 'systemd', 'github-actions', 'kubernetes', 'render-cron'])(
    'for %s prints commands that do its jobs',
    async scheduler => {
      const printed = await lifeboat('schedule', 'print', 'shop', '--for', scheduler)
      const commands = printed.stdout.match(/lifeboat run \S+ --job [a-z]+:[a-z-]+/g) ?? []
      expect(new Set(commands)).toEqual(
        new Set(['copy', 'verify', 'prune'].map(job => `lifeboat run shop --job ${job}:uploads`)),
      )
      for (const command of scheduler === 'cron' ? commands : []) {
        const ran = await lifeboat(...command.split(' ').slice(1))
        expect([command, ran.status, ran.stderr]).toEqual([command, 0, expect.not.stringMatching(/error/)])
      }
    },
  )

  it('refuses a job of a set that is not there, and one that is none', async () => {
    const gone = await lifeboat('run', 'shop', '--job', 'copy:gone')
    expect([gone.status, gone.stderr]).toEqual([2, expect.stringMatching(/copy:gone[\s\S]*configured: uploads/)])
    const none = await lifeboat('run', 'shop', '--job', 'copy')
    expect([none.status, none.stderr]).toEqual([2, expect.stringContaining('copy:SET')])
  })
})
