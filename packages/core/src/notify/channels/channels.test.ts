import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { secret } from '../../config/secret.js'
import type { AlertEvent } from '../plan-alerts.js'
import { checkSlack } from '../testing/check-slack.js'
import { type HttpReceiver, startHttpReceiver } from '../testing/http-receiver.js'
import { commonEvents, entry, messageOf, quickDeps, sampleNow } from '../testing/sample-message.js'
import { verifyWebhook } from '../webhook-signature.js'
import { guarded } from './send-message.js'
import { sendPing } from './send-ping.js'
import { sendSlack } from './send-slack.js'
import { sendWebhook } from './send-webhook.js'
import { slackPayload } from './slack-blocks.js'

let receiver: HttpReceiver
beforeAll(async () => {
  receiver = await startHttpReceiver()
})
afterAll(() => receiver.close())
beforeEach(() => {
  receiver.received.length = 0
  receiver.check = undefined
  receiver.answer({ status: 200, body: 'ok' })
})

/** One of its own: what is given up may still arrive there while the next test runs. */
async function silent<T>(use: (url: string) => Promise<T>): Promise<T> {
  const one = await startHttpReceiver()
  one.answer('hang')
  try {
    return await use(one.url)
  } finally {
    await one.close()
  }
}

const path = '/services/T00000000/B00000000/XXXXsecretXXXX'
const slackTo = (url: string, deps = quickDeps(), message = messageOf(commonEvents)) =>
  sendSlack({ webhook: secret.value(url, 'environment variable SLACK_WEBHOOK') }, message, deps)

describe('Slack', () => {
  it('takes the message: header, recovery, findings with what to type, escaped', async () => {
    receiver.check = request => void checkSlack(request)
    expect(await slackTo(`${receiver.url}${path}`)).toEqual({ ok: true, message: '200 ok', hint: null })
    const { text, blocks } = checkSlack(receiver.received[0]!)
    expect(receiver.received[0]!.path).toBe(path)
    expect(text).toMatch(/^🔴 CRITICAL shop: the backup to offsite failed.*\(and 3 more\)$/)
    const texts = blocks.map(block => ('text' in block ? block.text.text : ''))
    expect(texts[1]).toBe('The newest backup that can be restored is 31 h old (not verified yet); the RPO is 24 h')
    expect(texts[3]).toContain('`lifeboat backup shop`')
    expect(texts[4]).toContain('&lt;b&gt;is&lt;/b&gt; not there &amp; gone')
    expect(texts[5]).toContain('this is over: the last drill was 40 d ago')
  })

  it('stays within the limits however much there is to say, and says how much is left out', () => {
    const long = 'x & y <!channel> '.repeat(300)
    const events = Array.from(
      { length: 120 },
      (_, at): AlertEvent => ({ what: 'appeared', entry: entry(`noise-${at}`, { message: long, hint: long }) }),
    )
    const payload = slackPayload(messageOf(events), sampleNow)
    const body = JSON.stringify(payload)
    const request = { method: 'POST', path, headers: { 'content-type': 'application/json' }, body }
    const { blocks } = checkSlack(request)
    expect(blocks.length).toBeGreaterThan(3)
    const last = blocks.at(-1)!
    expect('text' in last && last.text.text).toMatch(/^and \d+ more: `lifeboat status`$/)
  })

  it('is asked again after a 500, and after a 429 as late as it says', async () => {
    receiver.answer({ status: 500 }, { status: 429, headers: { 'retry-after': '7' } }, { status: 200, body: 'ok' })
    const deps = quickDeps()
    expect((await slackTo(`${receiver.url}${path}`, deps)).ok).toBe(true)
    expect(receiver.received).toHaveLength(3)
    expect(deps.slept).toEqual([250, 7500])
  })

  it('is not waited for when it asks for more than the time there is', async () => {
    receiver.answer({ status: 429, headers: { 'retry-after': '3600' }, body: 'rate_limited' })
    const sent = await slackTo(`${receiver.url}${path}`)
    expect(sent).toMatchObject({ ok: false, message: 'it answers 429 rate_limited' })
    expect(receiver.received).toHaveLength(1)
  })

  it('is not asked again after a refusal', async () => {
    receiver.answer({ status: 404, body: 'no_service' })
    expect(await slackTo(`${receiver.url}${path}`)).toEqual({
      ok: false,
      message: 'it answers 404 no_service',
      hint: 'check the incoming webhook in Slack, and the environment variable SLACK_WEBHOOK',
    })
    expect(receiver.received).toHaveLength(1)
  })

  it('is given up when nothing listens, when it closes the connection, and when it never answers', async () => {
    const unused = await startHttpReceiver()
    await unused.close()
    expect((await slackTo(`${unused.url}${path}`)).message).toBe('nothing listens at its address (ECONNREFUSED)')
    receiver.answer('cut')
    expect((await slackTo(`${receiver.url}${path}`)).message).toBe('it closed the connection (UND_ERR_SOCKET)')
    const hasty = quickDeps({ attemptMs: 40, retry: { attempts: 2, firstDelayMs: 1, longestDelayMs: 1, budgetMs: 10 } })
    const sent = await silent(url => slackTo(`${url}${path}`, hasty))
    expect(sent.message).toBe('it does not answer in time')
  })

  it('is bounded as a whole, not by attempts alone', async () => {
    const deps = quickDeps({ messageMs: 60 })
    const sent = await silent(url => slackTo(`${url}${path}`, deps))
    expect(sent).toMatchObject({ ok: false, message: 'it does not answer in time' })
    expect(deps.slept.length).toBeLessThan(2)
  })

  it('shows no part of the address, whatever is answered', async () => {
    const url = `${receiver.url}${path}?token=0123456789abcdef`
    receiver.answer({ status: 403, body: `no ${url} and XXXXsecretXXXX or ?token=0123456789abcdef` })
    const shown = JSON.stringify(await slackTo(url))
    for (const part of ['XXXXsecretXXXX', '0123456789abcdef', 'T00000000']) expect(shown).not.toContain(part)
  })

  it.each(['http://hooks.example.org/x', 'ftp://127.0.0.1/x', 'not an address'])(
    'gets nothing at %s',
    async address => {
      const sent = await slackTo(address)
      expect(sent.ok).toBe(false)
      expect(sent.message).toMatch(/must begin with https:|not a URL/)
    },
  )

  it('rejects when the run is cancelled, and only then', async () => {
    const cancel = new AbortController()
    setTimeout(() => cancel.abort(), 20)
    const sending = silent(url => {
      const settings = { webhook: secret.value(`${url}${path}`) }
      return guarded(cancel.signal, () => sendSlack(settings, messageOf(commonEvents), quickDeps(), cancel.signal))
    })
    await expect(sending).rejects.toMatchObject({ code: 'cancelled' })
    const missing = { webhook: secret.env('LIFEBOAT_TEST_NOT_SET_ANYWHERE') }
    expect(await guarded(undefined, () => sendSlack(missing, messageOf([]), quickDeps()))).toMatchObject({
      ok: false,
      message: 'environment variable LIFEBOAT_TEST_NOT_SET_ANYWHERE is not set',
    })
  })
})

describe('the webhook', () => {
  const key = 'a key that both sides hold'
  const hookTo = (deps = quickDeps()) =>
    sendWebhook({ url: secret.value(`${receiver.url}/hook`), secret: secret.value(key) }, messageOf(commonEvents), deps)

  it('gets the message as JSON, signed with the time of the attempt, and with the same id each time', async () => {
    receiver.answer({ status: 503 }, { status: 204 })
    let clock = sampleNow.getTime()
    const deps = quickDeps({ now: () => (clock += 1000) })
    expect(await hookTo(deps)).toMatchObject({ ok: true, message: '204' })
    const [first, second] = receiver.received
    expect(first!.headers['lifeboat-timestamp']).not.toBe(second!.headers['lifeboat-timestamp'])
    for (const { headers, body } of receiver.received) {
      const timestamp = String(headers['lifeboat-timestamp'])
      const signature = String(headers['lifeboat-signature'])
      expect(verifyWebhook({ body, timestamp, signature }, key, { now: sampleNow })).toBe(true)
      expect(verifyWebhook({ body: `${body} `, timestamp, signature }, key, { now: sampleNow })).toBe(false)
      expect(verifyWebhook({ body, timestamp, signature }, 'another key', { now: sampleNow })).toBe(false)
      const later = new Date(sampleNow.getTime() + 10 * 60_000)
      expect(verifyWebhook({ body, timestamp, signature }, key, { now: later })).toBe(false)
      const moved = String(Number(timestamp) + 1)
      expect(verifyWebhook({ body, timestamp: moved, signature }, key, { now: sampleNow })).toBe(false)
      expect(headers['lifeboat-delivery']).toBe(JSON.parse(body).id)
    }
    expect(JSON.parse(second!.body)).toMatchObject({
      ...{ version: 1, kind: 'alert', state: 'critical', sentAt: sampleNow.toISOString() },
      products: [{ product: 'shop', findings: [{ what: 'appeared', code: 'backup-failed' }, {}, {}, {}] }],
    })
  })

  it('does not pass what is not signed at all', () => {
    for (const given of [undefined, null, '', 'v1=', '1e9'])
      expect(verifyWebhook({ body: '{}', timestamp: given, signature: given }, key)).toBe(false)
  })

  it('is not followed to another address', async () => {
    receiver.answer({ status: 307, headers: { location: `${receiver.url}/elsewhere` } })
    expect(await hookTo()).toMatchObject({ ok: false, message: 'it answers 307' })
    expect(receiver.received).toHaveLength(1)
  })
})

describe('the ping', () => {
  const pingTo = (address: string, what: Parameters<typeof sendPing>[1], body = 'why') =>
    sendPing(secret.value(address), what, body, quickDeps())

  it('goes to the address of the check, with the signal as the last part of its path', async () => {
    for (const what of ['start', 'success', 'fail', 'log'] as const) {
      await pingTo(`${receiver.url}/ping/5f1e`, what)
      await pingTo(`${receiver.url}/ping/key/slug/?create=1`, what)
    }
    expect(receiver.received.map(({ method, path, body }) => `${method} ${path} ${body}`)).toEqual([
      'POST /ping/5f1e/start why',
      'POST /ping/key/slug/start?create=1 why',
      'POST /ping/5f1e why',
      'POST /ping/key/slug/?create=1 why',
      'POST /ping/5f1e/fail why',
      'POST /ping/key/slug/fail?create=1 why',
      'POST /ping/5f1e/log why',
      'POST /ping/key/slug/log?create=1 why',
    ])
  })

  it('keeps the reason short enough to be kept', async () => {
    await pingTo(`${receiver.url}/ping/5f1e`, 'fail', 'x'.repeat(50_000))
    expect(receiver.received[0]!.body).toHaveLength(9000)
  })
})
