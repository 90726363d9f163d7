import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { faulty } from '../../../testkit/src/faulty-store.js'
import type { StatusFinding, StatusReport } from '../api/status.js'
import type { LifeboatConfig } from '../config/config-schema.js'
import { secret } from '../config/secret.js'
import { BackupError } from '../errors/backup-error.js'
import { acquireStoreLock } from '../locks/store-lock.js'
import { alertOperations } from '../operations/alerts.js'
import { doctorOperations } from '../operations/doctor.js'
import { openContext } from '../operations/open-context.js'
import { statusOperations } from '../operations/status.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { readWhole } from '../streams/byte-source.js'
import type { NotifyDeps } from './notify-deps.js'
import { outcomeOf } from './run-outcome.js'
import { checkSlack } from './testing/check-slack.js'
import { type HttpReceiver, startHttpReceiver } from './testing/http-receiver.js'
import { quickDeps } from './testing/sample-message.js'
import { finding, statusOf } from './testing/sample-status.js'

let slack: HttpReceiver
let hook: HttpReceiver
let pings: HttpReceiver
beforeAll(async () => {
  slack = await startHttpReceiver()
  hook = await startHttpReceiver()
  pings = await startHttpReceiver()
  slack.check = request => void checkSlack(request)
})
afterAll(() => Promise.all([slack, hook, pings].map(one => one.close())))
beforeEach(() => {
  for (const one of [slack, hook, pings]) {
    one.received.length = 0
    one.answer({ status: 200, body: 'ok' })
  }
})

const start = Date.parse('2026-11-21T02:00:00Z')

type Notify = NonNullable<LifeboatConfig['products'][string]['notify']>
const slackSettings = () => ({ slack: { webhook: secret.value(`${slack.url}/services/XXXXsecretXXXX`) } })
const both = () => ({
  ...slackSettings(),
  webhook: { url: secret.value(`${hook.url}/hook-with-a-secret-path`), secret: secret.value('signing key') },
})

interface World {
  readonly store: ObjectStore
  readonly notify?: Notify | undefined
  readonly shared?: LifeboatConfig['notify']
  readonly products?: readonly string[]
  readonly objects?: LifeboatConfig['products'][string]['objects']
  readonly deps?: Partial<NotifyDeps>
}

/** One machine that looks at products; what the status says is set by the test. */
function host({ store, notify, shared, products = ['shop'], objects, deps }: World) {
  let now = start
  let findings: readonly StatusFinding[] = []
  const config: LifeboatConfig = {
    ...(shared === undefined ? {} : { notify: shared }),
    products: Object.fromEntries(
      products.map(product => [
        product,
        {
          source: { url: secret.value('postgres://127.0.0.1/none') },
          encryption: { passphrase: secret.value('a passphrase of the test') },
          destinations: { local: { store } },
          ...(notify === undefined ? {} : { notify }),
          ...(objects === undefined ? {} : { objects }),
        },
      ]),
    ),
  }
  const retry = { attempts: 1, firstDelayMs: 1, longestDelayMs: 1, budgetMs: 1 }
  const notifyDeps = { ...quickDeps({ now: () => now }), ...deps }
  const context = openContext(config, { deps: { now: () => new Date(now), retry, notify: notifyDeps } })
  const readStatus = async (named: readonly string[]): Promise<StatusReport> => ({
    ...{ version: 1, checkedAt: new Date(now).toISOString(), state: 'ok' },
    products: named.map(product =>
      statusOf(
        findings.map(one => ({ ...one, product })),
        { product },
      ),
    ),
  })
  const alerts = alertOperations(context, readStatus)
  return {
    ...alerts,
    context,
    after: (hours: number) => {
      now = start + hours * 3_600_000
    },
    finds: (...found: readonly StatusFinding[]) => {
      findings = found
    },
    failed: (code: 'dump-failed' | 'store-full', product = 'shop') =>
      alerts.reportRun(
        outcomeOf(
          { product, job: 'backup', startedAt: new Date(now) },
          [{ error: new BackupError(code, 'pg_dump ended with 1') }],
          new Date(now),
        ),
      ),
  }
}

const titles = (receiver: HttpReceiver) =>
  receiver.received.map(({ body }) => {
    const parsed = JSON.parse(body)
    return String(parsed.title ?? parsed.text)
  })

describe('alerts', () => {
  it('are sent once, wherever somebody looks, and over once', async () => {
    const store = memoryStore()
    const [one, other] = [host({ store, notify: slackSettings() }), host({ store, notify: slackSettings() })]
    await one.failed('dump-failed')
    one.finds(finding('backup-too-old'))
    other.finds(finding('backup-too-old'))
    await other.checkAlerts()
    await one.checkAlerts()
    expect(titles(slack)).toEqual([
      '🔴 CRITICAL shop: the backup failed: pg_dump ended with 1',
      '🔴 CRITICAL shop: backup-too-old was found',
    ])
    other.finds()
    await other.checkAlerts()
    await one.checkAlerts()
    expect(titles(slack)).toHaveLength(3 + 1)
  })

  it('are not sent twice by two machines that look at the same moment', async () => {
    const store = memoryStore()
    const hosts = Array.from({ length: 6 }, () =>
      host({
        store,
        notify: slackSettings(),
        deps: { sleep: async () => new Promise(resolve => setTimeout(resolve, 2)) },
      }),
    )
    for (const one of hosts) one.finds(finding('backup-too-old'))
    await Promise.all(hosts.map(one => one.checkAlerts()))
    expect(titles(slack)).toEqual(['🔴 CRITICAL shop: backup-too-old was found'])
    for (const one of hosts) one.finds()
    await Promise.all(hosts.map(one => one.checkAlerts()))
    expect(titles(slack)).toHaveLength(2)
    expect(await keysOf(store)).toEqual(['shop/alerts/state.json'])
  })

  it('are sent although a machine died while it was sending', async () => {
    const store = memoryStore()
    const watching = host({ store, notify: slackSettings(), deps: { leaseMs: 1000 } })
    const dead = { product: 'shop', name: 'alerts' as const, purpose: 'alerts', holder: 'a dead machine' }
    await acquireStoreLock(store, { ...dead, leaseMs: 1000, now: () => new Date(start) })
    watching.finds(finding('backup-too-old'))
    watching.after(1)
    await watching.checkAlerts()
    expect(titles(slack)).toHaveLength(1)
  })

  it.each([
    ['cannot be written', (step: string) => step === 'put'],
    ['cannot be read', (step: string) => step === 'get' || step === 'put'],
  ])('are sent although the store %s, and not at every look of the same process', async (_name, fails) => {
    const broken = () =>
      faulty(memoryStore(), ({ step }) => {
        if (fails(step)) throw new BackupError('store-unreachable', 'the store is down')
      })
    const watching = host({ store: broken(), notify: slackSettings() })
    watching.finds(finding('store-unreachable', { subject: 'local' }))
    const { warnings } = await watching.checkAlerts()
    expect(warnings).toEqual([
      expect.stringMatching(/^shop: what was sent could not be remembered, and may be sent again: /),
    ])
    await watching.checkAlerts()
    expect(titles(slack)).toHaveLength(1)
    // Another process knows nothing of it: rather twice than never.
    const another = host({ store: broken(), notify: slackSettings() })
    another.finds(finding('store-unreachable', { subject: 'local' }))
    await another.checkAlerts()
    expect(titles(slack)).toHaveLength(2)
  })

  it('are sent although the store never answers', async () => {
    const hanging = faulty(memoryStore(), () => new Promise(() => {}))
    const watching = host({ store: hanging, notify: slackSettings(), deps: { memoryMs: 20 } })
    expect((await watching.failed('dump-failed')).deliveries).toMatchObject([{ channel: 'slack', ok: true }])
  })

  it('reach the other channels when one fails, which is then told by them; it gets them later', async () => {
    const watching = host({ store: memoryStore(), notify: both() })
    slack.answer({ status: 500, body: 'boom' })
    const report = await watching.failed('dump-failed')
    expect(report.deliveries.map(({ channel, ok, message }) => `${channel} ${ok} ${message}`).sort()).toEqual([
      'slack false it answers 500 boom',
      'webhook true 200 ok',
      'webhook true 200 ok',
    ])
    expect(titles(hook)).toEqual([
      'CRITICAL shop: the backup failed: pg_dump ended with 1',
      'WARNING shop: alerts do not reach slack: it answers 500 boom',
    ])
    slack.received.length = 0
    slack.answer({ status: 200, body: 'ok' })
    watching.after(1)
    await watching.checkAlerts()
    expect(titles(slack)).toEqual(['🔴 CRITICAL shop: the backup failed: pg_dump ended with 1'])
    expect(titles(hook).slice(2)).toEqual([
      'RECOVERED shop: this is over: alerts do not reach slack: it answers 500 boom',
    ])
  })

  it('show in the status, and to the doctor, that a channel fails', async () => {
    const watching = host({ store: memoryStore(), notify: both() })
    slack.answer({ status: 500, body: 'boom' })
    await watching.failed('dump-failed')
    const { products, state } = await statusOperations(watching.context).status()
    expect(state).toBe('critical')
    expect(products[0]!.findings.at(-1)).toMatchObject({
      ...{ code: 'alert-channel-failed', subject: 'slack', severity: 'warning' },
      message: 'alerts do not reach slack: it answers 500 boom',
    })
    const checks = (await doctorOperations(watching.context).doctor()).filter(({ area }) => area === 'alerts')
    expect(checks.map(({ ok, message }) => `${ok} ${message}`)).toEqual([
      'false alerts do not reach slack: it answers 500 boom',
      'true webhook: all it needs is at hand; `lifeboat notify test shop` sends a message',
    ])
    const unset = host({
      store: memoryStore(),
      notify: { slack: { webhook: secret.env('LIFEBOAT_TEST_NOT_SET_ANYWHERE') } },
    })
    const missing = (await doctorOperations(unset.context).doctor()).filter(({ area }) => area === 'alerts')
    expect(missing).toMatchObject([
      { ok: false, message: expect.stringContaining('products.shop.notify.slack.0.webhook: environment variable') },
    ])
  })

  it('tell the ping of a job that it began, that it failed and why, and that it succeeded', async () => {
    const ping = { backup: secret.value(`${pings.url}/ping/5f1e`) }
    const watching = host({ store: memoryStore(), notify: { ping } })
    const run = { product: 'shop', job: 'backup' as const, startedAt: new Date(start) }
    await watching.reportStart(run)
    await watching.failed('dump-failed')
    await watching.reportRun(outcomeOf(run, [], new Date(start)))
    await watching.reportStart({ product: 'shop', job: 'drill' })
    expect(pings.received.map(({ path, body }) => `${path} ${body}`)).toEqual([
      '/ping/5f1e/start backup of shop begins',
      '/ping/5f1e/fail pg_dump ended with 1',
      '/ping/5f1e ',
    ])
  })

  it('tell the ping of a job of a set, with no other word of alerts in the configuration, and not that of the product', async () => {
    const ping = { copy: secret.value(`${pings.url}/ping/c0b1`) }
    for (const notify of [undefined, { ping: { backup: secret.value(`${pings.url}/ping/5f1e`) } }]) {
      const objects = { uploads: { from: memoryStore(), ping }, others: { from: memoryStore() } }
      const watching = host({ store: memoryStore(), notify, objects })
      const run = { product: 'shop', job: 'copy:uploads' as const, startedAt: new Date(start) }
      await watching.reportStart(run)
      await watching.reportRun(outcomeOf(run, [{ error: new BackupError('store-full', 'no room') }], new Date(start)))
      await watching.reportRun(outcomeOf(run, [], new Date(start)))
      for (const job of ['verify:uploads', 'copy:others'] as const) await watching.reportStart({ product: 'shop', job })
      expect(pings.received.splice(0).map(({ path, body }) => `${path} ${body}`)).toEqual([
        '/ping/c0b1/start copy:uploads of shop begins',
        '/ping/c0b1/fail no room',
        '/ping/c0b1 ',
      ])
      const { deliveries } = await watching.testAlerts({ channel: 'ping-copy:uploads' })
      expect(deliveries.map(({ channel, ok }) => `${channel} ${ok}`)).toEqual(['ping-copy:uploads true'])
      expect(pings.received.splice(0).map(({ path }) => path)).toEqual(['/ping/c0b1/log'])
      const checks = (await doctorOperations(watching.context).doctor()).filter(({ area }) => area === 'alerts')
      expect(checks.map(({ message }) => message.split(':', 2).join(':'))).toContain('ping-copy:uploads')
    }
  })

  it('tell of a ping that fails', async () => {
    const ping = { backup: secret.value(`${pings.url}/ping/5f1e`) }
    const watching = host({ store: memoryStore(), notify: { ...slackSettings(), ping } })
    pings.answer({ status: 404, body: 'not found' })
    const ended = () => outcomeOf({ product: 'shop', job: 'backup', startedAt: new Date(start) }, [], new Date(start))
    await watching.reportRun(ended())
    expect(titles(slack)).toEqual(['🟠 WARNING shop: alerts do not reach ping-backup: it answers 404 not found'])
    pings.answer({ status: 200, body: 'OK' })
    await watching.reportRun(ended())
    expect(titles(slack)).toHaveLength(2)
  })

  it('of many products that share a channel come as one message', async () => {
    const products = Array.from({ length: 40 }, (_, at) => `shop-${at}`)
    const watching = host({ store: memoryStore(), shared: slackSettings(), products })
    watching.finds(finding('store-unreachable', { subject: 'local' }), finding('backup-too-old'))
    const { deliveries } = await watching.checkAlerts()
    expect(deliveries).toHaveLength(1)
    expect(deliveries[0]!.products).toHaveLength(40)
    expect(titles(slack)[0]).toMatch(/^🔴 CRITICAL: 40 products: shop-0, shop-1, /)
    await watching.checkAlerts()
    expect(slack.received).toHaveLength(1)
    watching.finds()
    await watching.checkAlerts()
    expect(slack.received).toHaveLength(2)
  })

  it('look at nothing where nobody is to be told, and say nothing of a run that was stopped', async () => {
    const untouched = faulty(memoryStore(), ({ step }) => {
      throw new Error(`${step} was called`)
    })
    const watching = host({ store: untouched })
    watching.finds(finding('backup-too-old'))
    const warnings = ['nobody is told of anything: there is no `notify` in the configuration']
    expect(await watching.checkAlerts()).toEqual({ deliveries: [], warnings })
    expect(await watching.failed('dump-failed')).toEqual({ deliveries: [], warnings: [] })
    const stopped = host({ store: untouched, notify: slackSettings() })
    const run = { product: 'shop', job: 'backup' as const, startedAt: new Date(start) }
    const error = new BackupError('cancelled', 'cancelled')
    expect(await stopped.reportRun(outcomeOf(run, [{ error }], new Date(start)))).toEqual({
      deliveries: [],
      warnings: [],
    })
  })

  it('are remembered elsewhere for a second place that may only read the store', async () => {
    const readOnly = faulty(memoryStore(), ({ step }) => {
      if (step === 'put' || step === 'remove') throw new BackupError('store-auth-failed', 'read only')
    })
    const memory = memoryStore()
    const watching = host({ store: readOnly, notify: slackSettings() })
    watching.finds(finding('backup-too-old'))
    expect((await watching.checkAlerts({ memory })).warnings).toEqual([])
    const again = host({ store: readOnly, notify: slackSettings() })
    again.finds(finding('backup-too-old'))
    await again.checkAlerts({ memory })
    expect(titles(slack)).toHaveLength(1)
  })

  it('leave no secret in what is remembered or returned', async () => {
    const store = memoryStore()
    const watching = host({ store, notify: both() })
    slack.answer({ status: 403, body: `invalid ${slack.url}/services/XXXXsecretXXXX` })
    hook.answer({ status: 500, body: 'bad signing key for /hook-with-a-secret-path' })
    const report = await watching.failed('dump-failed')
    const remembered = (await readWhole(store.get('shop/alerts/state.json'), 2 ** 20)).toString()
    for (const text of [JSON.stringify(report), remembered])
      for (const part of ['XXXXsecretXXXX', 'hook-with-a-secret-path', 'signing key', slack.url])
        expect(text).not.toContain(part)
  })
})

describe('a test message', () => {
  it('goes to every channel once, and to pings as a log line; says per channel what came back', async () => {
    const ping = { backup: secret.value(`${pings.url}/ping/5f1e`) }
    const watching = host({ store: memoryStore(), notify: { ...both(), ping } })
    hook.answer({ status: 401, body: 'bad signature' })
    const { deliveries } = await watching.testAlerts()
    expect(deliveries.map(({ channel, ok, message }) => `${channel} ${ok} ${message}`).sort()).toEqual([
      'ping-backup true 200 ok',
      'slack true 200 ok',
      'webhook false it answers 401 bad signature',
    ])
    expect(pings.received[0]!.path).toBe('/ping/5f1e/log')
    // The others hear of the channel that failed, from the next look.
    await watching.checkAlerts()
    expect(titles(slack).slice(1)).toEqual([
      '🟠 WARNING shop: alerts do not reach webhook: it answers 401 bad signature',
    ])
  })

  it('goes to the channel that is named, and to no unknown one', async () => {
    const watching = host({ store: memoryStore(), notify: both() })
    await watching.testAlerts({ channel: 'webhook' })
    expect([slack.received.length, hook.received.length]).toEqual([0, 1])
    await expect(watching.testAlerts({ channel: 'pager' })).rejects.toMatchObject({
      ...{ code: 'config-invalid', message: 'no alert channel is called "pager"', hint: 'configured: slack, webhook' },
    })
    await expect(host({ store: memoryStore() }).testAlerts()).rejects.toMatchObject({
      message: 'no alert channel is configured',
    })
  })

  it('mends what is known of a channel', async () => {
    const watching = host({ store: memoryStore(), notify: both() })
    slack.answer({ status: 500 })
    await watching.failed('dump-failed')
    slack.answer({ status: 200 })
    await watching.testAlerts()
    hook.received.length = 0
    watching.after(1)
    await watching.checkAlerts()
    expect(titles(hook)).toEqual(['RECOVERED shop: this is over: alerts do not reach slack: it answers 500'])
  })
})

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  return keys
}
