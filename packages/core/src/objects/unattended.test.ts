import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { faulty } from '../../../testkit/src/faulty-store.js'
import type { Lifeboat } from '../api/lifeboat-api.js'
import type { HookFacts } from '../config/hooks-schema.js'
import type { Job } from '../config/jobs.js'
import { secret } from '../config/secret.js'
import { BackupError } from '../errors/backup-error.js'
import { openLifeboat } from '../lifeboat.js'
import type { AlertMessage } from '../notify/alert-message.js'
import { type HttpReceiver, startHttpReceiver } from '../notify/testing/http-receiver.js'
import { quickDeps } from '../notify/testing/sample-message.js'
import { html } from '../report/html.js'
import { objectSection } from '../report/object-section.js'
import { memoryStore } from '../store/memory-store.js'
import { bytesOf } from '../streams/byte-source.js'
import { keyFolder, readers } from './testing/shop.js'

const keys = keyFolder('team', 'writer')
let hook: HttpReceiver

beforeAll(async () => {
  hook = await startHttpReceiver()
})
afterAll(() => hook.close())
beforeEach(() => {
  hook.received.length = 0
})

const hourMs = 3_600_000

/** A product with a set of objects in two destinations, of which one may be down; and a source that may hide objects. */
async function setUp(set: object = {}, encryption: object = {}) {
  const source = memoryStore()
  const down = { far: false, source: false, key: '', removals: false }
  const hooked: HookFacts[] = []
  const far = faulty(memoryStore(), ({ step }) => {
    if (down.removals && step === 'remove') throw new BackupError('store-auth-failed', 'no right to delete')
    if (down.far) throw new BackupError('store-unreachable', 'it does not answer')
  })
  const from = faulty(source, ({ step, key }) => {
    if (down.source) throw new BackupError('store-auth-failed', 'the key was refused')
    if (step === 'get' && key === down.key) throw new BackupError('store-refused', 'no right to read it')
  })
  const near = memoryStore()
  const clock = { ms: Date.parse('2026-11-21T02:30:00Z') }
  await source.put('a.txt', bytesOf('first'))
  const lifeboat = await openLifeboat(
    {
      products: {
        shop: {
          source: { url: secret.value('postgres://nobody@example.org/shop', 'a test') },
          encryption: { ...readers('team'), ...encryption },
          destinations: { near: { store: near }, far: { store: far } },
          hooks: { beforeCopy: facts => void hooked.push(facts), afterCopy: facts => void hooked.push(facts) },
          notify: { webhook: { url: secret.value(`${hook.url}/x`), secret: secret.value('signing key') } },
          objects: {
            uploads: {
              ...{ from, rpo: '30h', retention: { last: 2, minimum: 1 } },
              ...{ schedule: { copy: '0 3 * * *', verify: '0 4 * * *', prune: '0 5 * * 0' }, ...set },
            },
          },
        },
      },
    },
    {
      configFolder: keys.path,
      deps: {
        now: () => new Date(clock.ms),
        retry: { attempts: 1, firstDelayMs: 1, longestDelayMs: 1, budgetMs: 1 },
        notify: quickDeps({ now: () => clock.ms }),
      },
    },
  )
  /** A run as a scheduler does it, told as it tells it. */
  const run = async (job: Job) => {
    const outcome = await lifeboat.runJob('shop', job)
    await lifeboat.reportRun(outcome)
    return outcome
  }
  const told = () =>
    hook.received.splice(0).flatMap(({ body }) => {
      const { products } = JSON.parse(body) as AlertMessage
      // A product that has no backup is told, too, and is not what this is about.
      return products
        .flatMap(product => product.findings)
        .filter(({ code }) => !/^(backup|drill|key)/.test(code))
        .map(({ what, code, subject }) => `${what} ${code} ${subject}`)
    })
  const findings = async () =>
    (await lifeboat.status()).products[0]!.findings.filter(
      ({ code, subject }) => code.startsWith('objects-') || /:|uploads/.test(subject ?? ''),
    ).map(({ severity, code, subject }) => `${severity} ${code} ${subject}`)
  return { lifeboat, source, near, clock, down, hooked, run, told, findings }
}

describe('the status of a set', () => {
  it('finds one that was never copied, and one that nothing is wrong with', async () => {
    const { lifeboat, findings, run, clock } = await setUp()
    expect(await findings()).toEqual(['critical objects-missing uploads'])
    expect(await run('copy:uploads')).toMatchObject({
      result: 'ok',
      job: 'copy:uploads',
      destinations: ['near', 'far'],
    })
    clock.ms += hourMs
    expect(await run('verify:uploads')).toMatchObject({ result: 'ok' })
    expect(await findings()).toEqual([])
    const { objects } = (await lifeboat.status()).products[0]!
    expect(objects).toMatchObject([
      {
        ...{ set: 'uploads', rpoMs: 30 * hourMs, nextRun: { job: 'verify:uploads', at: '2026-11-21T04:00:00.000Z' } },
        destinations: ['near', 'far'].map(destination => ({
          ...{ destination, reachable: true, snapshots: 1 },
          newest: { ageMs: hourMs, objects: 1, plainBytes: 5, missed: 0, verified: true },
          lastVerification: { ok: true, level: 'content', sample: 1 },
        })),
      },
    ])
  })

  it('finds a schedule that has stopped, and what is older than it may be', async () => {
    const { findings, run, clock } = await setUp()
    await run('copy:uploads')
    await run('verify:uploads')
    clock.ms = Date.parse('2026-11-21T04:59:00Z')
    expect(await findings()).toEqual([])
    clock.ms = Date.parse('2026-11-21T06:01:00Z')
    expect(await findings()).toEqual([
      'critical schedule-missed copy:uploads',
      'warning schedule-missed verify:uploads',
    ])
    clock.ms = Date.parse('2026-11-22T08:31:00Z')
    expect(await findings()).toContain('critical objects-too-old uploads')
    await run('copy:uploads')
    await run('verify:uploads')
    expect(await findings()).toEqual([])
  })

  it('finds a destination that missed a copy, only once its time is over, and one that never had any', async () => {
    const { findings, run, clock, down } = await setUp()
    down.far = true
    expect(await run('copy:uploads')).toMatchObject({ result: 'partial' })
    down.far = false
    expect(await findings()).toEqual(['critical objects-missing uploads far'])
    await run('copy:uploads')
    await run('verify:uploads')
    expect(await findings()).toEqual([])
    clock.ms = Date.parse('2026-11-21T03:00:10Z')
    down.far = true
    await run('copy:uploads')
    down.far = false
    await run('verify:uploads')
    clock.ms = Date.parse('2026-11-21T04:30:00Z')
    expect(await findings()).toEqual([])
    clock.ms = Date.parse('2026-11-21T05:30:00Z')
    expect(await findings()).toEqual(['warning objects-behind uploads far'])
    clock.ms = Date.parse('2026-11-22T08:31:00Z')
    expect(await findings()).toContain('critical objects-behind uploads far')
  })

  it('finds objects that could not be read, damage that a verification saw, and trusts only what looked as closely', async () => {
    const { lifeboat, findings, run, source, near, down, clock } = await setUp()
    await source.put('secret.txt', bytesOf('second'))
    down.key = 'secret.txt'
    expect(await run('copy:uploads')).toMatchObject({ result: 'partial', failures: [] })
    expect(await findings()).toEqual(['warning objects-missed uploads near', 'warning objects-missed uploads far'])
    down.key = ''
    clock.ms += 1000
    await run('copy:uploads')
    let content = ''
    for await (const { key } of near.list('shop/objects/uploads/content/')) content = key
    const { sizeBytes } = (await near.head(content))!
    await near.put(content, bytesOf(Buffer.alloc(sizeBytes, 7)))
    expect(await run('verify:uploads')).toMatchObject({ result: 'partial' })
    expect(await findings()).toEqual(['critical objects-verification-failed uploads near'])
    // Lengths are as they were: that disproves nothing.
    await lifeboat.verifyObjects('shop', 'uploads', { destination: 'near', level: 'listed' })
    expect(await findings()).toEqual(['critical objects-verification-failed uploads near'])
    clock.ms += 1000
    await lifeboat.copyObjects('shop', 'uploads', { full: true })
    await run('verify:uploads')
    expect(await findings()).toEqual([])
  })

  it('without a schedule wants a verification each quarter', async () => {
    const { findings, run, clock } = await setUp({ schedule: undefined, rpo: undefined })
    await run('copy:uploads')
    clock.ms += 89 * 24 * hourMs
    expect(await findings()).toEqual([])
    clock.ms += 2 * 24 * hourMs
    expect(await findings()).toEqual([
      'warning objects-not-verified uploads near',
      'warning objects-not-verified uploads far',
    ])
    await run('verify:uploads')
    expect(await findings()).toEqual([])
  })

  it('reads two listings of a set and what is new, however much content there is', async () => {
    const { lifeboat, near, run, clock } = await setUp()
    await run('copy:uploads')
    await run('verify:uploads')
    const more = (n: number) => `shop/objects/uploads/content/20261120T030000Z-aaaaaa/${String(n).padStart(8, '0')}.gpg`
    for (let n = 1; n <= 2500; n++) await near.put(more(n), bytesOf('content'))
    const seen: string[] = []
    const { list, get } = near
    Object.assign(near, {
      list(prefix: string, options: object) {
        seen.push(`list ${prefix}`)
        return list.call(near, prefix, options)
      },
      get(key: string, options: object) {
        if (!key.startsWith('shop/alerts/')) seen.push(`get ${key.split('/').slice(0, 4).join('/')}`)
        return get.call(near, key, options)
      },
    })
    const [head, record] = ['snapshots', 'verifications'].map(folder => `shop/objects/uploads/${folder}`)
    const listings = ['shop/1', 'shop/2', 'shop/verifications/', `${head}/`, `${record}/`].map(
      prefix => `list ${prefix}`,
    )
    await lifeboat.status()
    expect(seen.splice(0).sort()).toEqual(listings.sort())
    clock.ms += hourMs
    await lifeboat.copyObjects('shop', 'uploads')
    seen.length = 0
    await lifeboat.status()
    expect(seen.sort()).toEqual([`get ${head}`, ...listings].sort())
  })
})

describe('alerts', () => {
  it('tell of a copy that fails once, and once that it works again', async () => {
    const { run, told, clock, down } = await setUp()
    await run('copy:uploads')
    await run('verify:uploads')
    expect(told()).toEqual([])
    clock.ms = Date.parse('2026-11-21T03:00:10Z')
    down.source = true
    expect(await run('copy:uploads')).toMatchObject({ result: 'failed', failures: [{ code: 'store-auth-failed' }] })
    expect(told()).toEqual(['appeared objects-copy-failed uploads store-auth-failed'])
    await run('copy:uploads')
    // It is missing because it failed, which is told.
    clock.ms = Date.parse('2026-11-21T05:30:00Z')
    await run('verify:uploads')
    expect(told()).toEqual([])
    down.source = false
    await run('copy:uploads')
    expect(told()).toEqual(['recovered objects-copy-failed uploads store-auth-failed'])
    await run('copy:uploads')
    expect(told()).toEqual([])
  })

  it('tell of a destination that got no copy once, and once that it has one', async () => {
    const { run, told, clock, down } = await setUp()
    await run('copy:uploads')
    await run('verify:uploads')
    expect(told()).toEqual([])
    clock.ms = Date.parse('2026-11-21T03:00:10Z')
    down.far = true
    await run('copy:uploads')
    expect(told().sort()).toEqual(['appeared objects-behind uploads far', 'appeared store-unreachable far'])
    down.far = false
    clock.ms = Date.parse('2026-11-21T05:30:00Z')
    await run('verify:uploads')
    expect(told()).toEqual(['recovered store-unreachable far'])
    await run('copy:uploads')
    expect(told()).toEqual(['recovered objects-behind uploads far'])
  })
})

describe('what people read', () => {
  const textOf = (sets: Parameters<typeof objectSection>[0]) => html`${objectSection(sets, 'shop')}`.text

  it('is a report with the sets and what stands against them', async () => {
    const { lifeboat, run, down } = await setUp()
    down.far = true
    await run('copy:uploads')
    down.far = false
    const [shop] = (await lifeboat.report()).products
    expect(shop!.findings).toContainEqual(expect.objectContaining({ code: 'objects-missing', severity: 'critical' }))
    expect(shop!.notIncluded.map(({ what }) => what)).toContain('the sets of objects uploads')
    const page = textOf(shop!.objects)
    expect(page).toMatch(/Copied objects[\s\S]*uploads[\s\S]*at most 30 h old/)
    expect(page).toMatch(/near[\s\S]*not yet[\s\S]*far[\s\S]*never copied/)
    await run('copy:uploads')
    await run('verify:uploads')
    const proven = textOf((await lifeboat.report()).products[0]!.objects)
    expect(proven.match(/sound/g)).toHaveLength(2)
    expect(objectSection([], 'shop')).toBe('')
  })

  it('is a plan that says what is copied where, how often, and how it comes back', async () => {
    const { lifeboat, run } = await setUp()
    await run('copy:uploads')
    const { markdown } = await lifeboat.disasterPlan('shop')
    const [, section = ''] = /\n## Copied objects\n([\s\S]*?)\n## /.exec(markdown) ?? []
    expect(section).toMatch(
      /### uploads\n\nFrom `memory`, copied when `0 3 \* \* \*` \(UTC\) says, at most 30 h old\. Kept: the newest 2/,
    )
    expect(section).toMatch(/\| near \| .* \| 2026-11-21 .*, 1 objects \| not read back \|/)
    expect(section).toContain(
      'lifeboat objects restore shop uploads --destination near --to ./uploads-restored --yes\n',
    )
  })

  it('is what doctor finds before a copy does', async () => {
    const checks = async (lifeboat: Lifeboat) =>
      (await lifeboat.doctor('shop'))
        .filter(({ area }) => area === 'objects')
        .map(({ ok, message }) => `${ok} ${message}`)
    const { lifeboat, down, source } = await setUp()
    const copied = (destination: string) =>
      `true uploads: can be copied to ${destination}, and the next run can read the listing of this one`
    expect(await checks(lifeboat)).toEqual([
      'true uploads: memory: can be listed and read',
      copied('near'),
      copied('far'),
    ])
    down.key = 'a.txt'
    down.far = true
    expect(await checks(lifeboat)).toEqual([
      'false uploads: no right to read it',
      copied('near'),
      'false uploads: it does not answer',
    ])
    down.source = true
    expect((await checks(lifeboat))[0]).toBe('false uploads: the key was refused')
    down.source = false
    await source.remove('a.txt')
    expect((await checks(lifeboat))[0]).toBe('true uploads: memory: can be listed; nothing is in it that could be read')
    const keyless = await setUp({}, { signingKey: undefined, privateKey: undefined })
    expect(await checks(keyless.lifeboat)).toContainEqual(
      'false uploads: the next run could not read the listing of this one, and would copy everything again',
    )
  })
})

describe('what a scheduler asks', () => {
  it('is until when a job is done, and whether one that was due is', async () => {
    const { lifeboat, run, clock, down } = await setUp()
    const dueAt = new Date('2026-11-21T03:00:00Z')
    const done = async (job: Job) => (await lifeboat.lastDone('shop', job))?.toISOString()
    for (const job of ['copy:uploads', 'verify:uploads', 'prune:uploads'] as const)
      expect(await done(job)).toBeUndefined()
    clock.ms = dueAt.getTime() + 1000
    down.far = true
    await run('copy:uploads')
    down.far = false
    expect(await done('copy:uploads')).toBe('2026-11-21T03:00:01.000Z')
    expect(await lifeboat.isDone('shop', 'copy:uploads', dueAt)).toBe(false)
    clock.ms += 1000
    await run('copy:uploads')
    expect(await lifeboat.isDone('shop', 'copy:uploads', dueAt)).toBe(true)
    await lifeboat.verifyObjects('shop', 'uploads', { destination: 'far' })
    expect(await done('verify:uploads')).toBeUndefined()
    clock.ms += 1000
    await run('verify:uploads')
    expect(await done('verify:uploads')).toBe('2026-11-21T03:00:03.000Z')
    // What was made while a clock was wrong stands for nothing.
    clock.ms -= 24 * hourMs
    expect([await done('copy:uploads'), await done('verify:uploads')]).toEqual([undefined, undefined])
    clock.ms += 24 * hourMs
    expect(await run('prune:uploads')).toMatchObject({ result: 'ok', destinations: ['near', 'far'] })
    expect(await run('copy:other')).toMatchObject({ result: 'failed', failures: [{ code: 'config-invalid' }] })
  })

  it('hears of a prune that may not remove, as a warning', async () => {
    const { run, clock, down } = await setUp({ retention: { last: 1, minimum: 1 } })
    await run('copy:uploads')
    clock.ms += 48 * hourMs
    await run('copy:uploads')
    down.removals = true
    expect(await run('prune:uploads')).toMatchObject({
      result: 'partial',
      failures: [{ destination: 'far', severity: 'warning', code: 'store-auth-failed' }],
      summary: expect.stringMatching(/near: 1 removed, 1 kept; far: 0 removed, 1 kept, 1 could not be removed/),
    })
    down.removals = false
    expect(await run('prune:uploads')).toMatchObject({ result: 'ok', failures: [] })
  })

  it('finds hooks of its own around a copy', async () => {
    const { run, hooked, down } = await setUp()
    const outcome = await run('copy:uploads')
    const facts = hooked.splice(0)
    expect(facts).toMatchObject([
      { hook: 'beforeCopy', product: 'shop', set: 'uploads', backup: null, status: null },
      { hook: 'afterCopy', product: 'shop', set: 'uploads', status: 'ok' },
    ])
    expect(outcome.summary).toContain(facts[1]!.backup)
    down.source = true
    await run('copy:uploads')
    expect(hooked.at(-1)).toMatchObject({ hook: 'afterCopy', status: 'failed', error: { code: 'store-auth-failed' } })
  })
})
