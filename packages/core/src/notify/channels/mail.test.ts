import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { EmailConfig } from '../../config/notify-schema.js'
import { secret } from '../../config/secret.js'
import { type MailReceiver, startMailReceiver } from '../testing/mail-receiver.js'
import { commonEvents, messageOf, quickDeps } from '../testing/sample-message.js'
import { sendMail } from './send-mail.js'
import { guarded } from './send-message.js'
import { readSmtpAddress } from './smtp-address.js'

const password = 'p@ss/word of 1 mailbox'
let folder: string
const open: MailReceiver[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-mail-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function server(options: Parameters<typeof startMailReceiver>[0] = {}): Promise<MailReceiver> {
  const started = await startMailReceiver(options)
  open.push(started)
  await writeFile(join(folder, 'ca.pem'), started.certificate)
  return started
}

const send = (smtp: EmailConfig['smtp'], changes: Partial<EmailConfig> = {}, deps = quickDeps()) => {
  const config = {
    from: 'Backups <backups@example.org>',
    to: ['ops@example.org', 'dba@example.org'],
    smtp,
    ca: 'ca.pem',
  }
  return guarded(undefined, () => sendMail({ ...config, ...changes }, messageOf(commonEvents), { folder, deps }))
}
const address = (scheme: string, { port }: MailReceiver, login = `alerts:${encodeURIComponent(password)}@`) =>
  secret.value(`${scheme}://${login}127.0.0.1:${port}`, 'environment variable SMTP_URL')

describe('e-mail', () => {
  it.each([
    ['STARTTLS', 'smtp', {}],
    ['TLS from the first byte', 'smtps', { secure: true }],
  ])('arrives over %s, with a login, in words and as a page', async (_name, scheme, options) => {
    const mailbox = await server({ password, ...options })
    expect(await send(address(scheme, mailbox))).toMatchObject({ ok: true, message: expect.stringMatching(/^250 /) })
    const [got] = mailbox.received
    expect(got).toMatchObject({ secure: true, user: 'alerts', from: 'backups@example.org' })
    expect(got!.to).toEqual(['ops@example.org', 'dba@example.org'])
    const { mail } = got!
    expect(mail.subject).toMatch(/^\[Lifeboat\] CRITICAL shop: the backup to offsite failed/)
    expect(mail.from).toMatchObject({ name: 'Backups', address: 'backups@example.org' })
    expect(mail.messageId).toMatch(/^<[0-9a-f-]{36}@example\.org>$/)
    expect(mail.headers.find(({ key }) => key === 'auto-submitted')?.value).toBe('auto-generated')
    expect(mail.text).toContain(
      'The newest backup that can be restored is 31 h old (not verified yet); the RPO is 24 h.',
    )
    expect(mail.text).toContain('> lifeboat doctor shop && lifeboat backup shop')
    expect(mail.html).toContain('&lt;b&gt;is&lt;/b&gt; not there &amp; gone')
    expect(mail.html).not.toMatch(/<script|<b>is|https?:/)
  })

  it('takes host, user and password one by one', async () => {
    const mailbox = await server({ password })
    const smtp = {
      host: '127.0.0.1',
      port: mailbox.port,
      user: 'alerts',
      password: secret.value(password),
      tls: 'starttls' as const,
    }
    expect((await send(smtp)).ok).toBe(true)
    expect(mailbox.received[0]).toMatchObject({ secure: true, user: 'alerts' })
  })

  it('goes to a server of this machine that has no TLS, and to no other', async () => {
    const mailbox = await server({ hideSTARTTLS: true, disabledCommands: ['AUTH'] })
    expect((await send(address('smtp', mailbox, ''))).ok).toBe(true)
    expect(mailbox.received[0]!.secure).toBe(false)
    expect(readSmtpAddress(secret.value('smtp://u:p@mail.example.org'))).toMatchObject({ port: 587, tls: 'starttls' })
    expect(readSmtpAddress(secret.value('smtps://mail.example.org'))).toMatchObject({
      port: 465,
      tls: 'implicit',
      user: null,
    })
  })

  it('does not trust a certificate of nobody it knows', async () => {
    const mailbox = await server({ password })
    const sent = await send(address('smtp', mailbox), { ca: undefined })
    expect(sent).toMatchObject({ ok: false, message: expect.stringContaining('certificate is not to be trusted') })
    expect(mailbox.received).toEqual([])
  })

  it('says that the login is refused, without it, and tries no second time', async () => {
    const mailbox = await server({ password: 'another one' })
    const deps = quickDeps()
    const sent = await send(address('smtp', mailbox), {}, deps)
    expect(sent).toMatchObject({ ok: false, message: expect.stringContaining('does not accept the login') })
    expect(JSON.stringify(sent)).not.toContain(password)
    expect(deps.slept).toEqual([])
  })

  it('is tried again when the server has a passing trouble, and not when it refuses for good', async () => {
    const says = (code: number, text: string) => Object.assign(new Error(text), { responseCode: code })
    let left = 2
    const busy = await server({ password, refuse: () => (left-- > 0 ? says(451, 'try later') : undefined) })
    expect((await send(address('smtp', busy))).ok).toBe(true)
    const full = await server({ password, refuse: () => says(552, 'mailbox full') })
    const deps = quickDeps()
    expect(await send(address('smtp', full), {}, deps)).toMatchObject({
      ok: false,
      message: expect.stringContaining('mailbox full'),
    })
    expect(deps.slept).toEqual([])
  })

  it('says when nothing listens, and when the secret is no address', async () => {
    const gone = await server()
    await gone.close()
    open.splice(0)
    expect((await send(address('smtp', gone))).message).toBe(
      'the connection to the mail server failed: nothing listens at its address (ECONNREFUSED)',
    )
    expect((await send(secret.value('mail.example.org', 'environment variable SMTP_URL'))).message).toBe(
      'the environment variable SMTP_URL is no address of a mail server',
    )
  })

  it('is given up when the server never answers', async () => {
    const silent = await server({ onConnect: () => {} })
    const deps = quickDeps({
      attemptMs: 50,
      messageMs: 200,
      retry: { attempts: 2, firstDelayMs: 1, longestDelayMs: 1, budgetMs: 9 },
    })
    expect((await send(address('smtp', silent), {}, deps)).message).toBe('the mail server does not answer in time')
  })
})
