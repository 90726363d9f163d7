import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { EmailConfig } from '../../config/notify-schema.js'
import { BackupError } from '../../errors/backup-error.js'
import { throwIfCancelled } from '../../errors/cancelled.js'
import { redactor } from '../../http/redactor.js'
import { nextDelayMs } from '../../retry/retry-policy.js'
import type { AlertMessage } from '../alert-message.js'
import type { NotifyDeps } from '../notify-deps.js'
import { mailText } from './mail-text.js'
import { reasonOf, type Sent } from './send-http.js'
import { readSmtpAddress, type SmtpAddress } from './smtp-address.js'

/**
 * Sends the message by SMTP, again where that can help. `nodemailer` is loaded by the first mail.
 * @param folder where a relative path of `ca` begins
 */
export async function sendMail(
  config: EmailConfig,
  message: AlertMessage,
  work: { readonly folder: string; readonly deps: NotifyDeps; readonly signal?: AbortSignal | undefined },
): Promise<Sent> {
  const { deps, signal } = work
  const { createTransport } = await loadNodemailer()
  const address = readSmtpAddress(config.smtp)
  const ca = config.ca === undefined ? undefined : await readFile(resolve(work.folder, config.ca), 'utf8')
  const redact = redactor([address.password ?? '', address.user ?? ''], [])
  const deadline = AbortSignal.timeout(deps.messageMs)
  const bound = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
  for (let failures = 0, waitedMs = 0; ; ) {
    const transport = createTransport({ ...connectionOf(address, ca), ...timeoutsOf(deps) })
    const { subject, text, html } = mailText(message, new Date(message.sentAt))
    try {
      const { response, rejected } = await transport.sendMail({
        ...{ from: config.from, to: [...config.to], subject, text, html, signal: bound },
        messageId: `<${message.id}@${/@([a-z0-9.-]+)>?\s*$/i.exec(config.from)?.[1] ?? 'localhost'}>`,
        // https://www.rfc-editor.org/rfc/rfc3834: so that no absence notice is sent back.
        headers: { 'Auto-Submitted': 'auto-generated' },
        // Neither is used, and neither shall be: everything in a mail is text that was made here.
        ...{ disableFileAccess: true, disableUrlAccess: true },
      })
      const refused = rejected.length === 0 ? '' : `; refused for ${rejected.join(', ')}`
      return { ok: true, message: `${redact(oneLine(response))}${refused}`, hint: null }
    } catch (error) {
      throwIfCancelled(signal)
      failures += 1
      const sent = explain(error, deadline.aborted, redact)
      const delayMs = isFinal(error) ? undefined : nextDelayMs(deps.retry, { failures, waitedMs }, deps.random)
      if (delayMs === undefined || deadline.aborted) return sent
      waitedMs += delayMs
      await deps.sleep(delayMs, bound).catch(() => throwIfCancelled(signal))
    } finally {
      transport.close()
    }
  }
}

/** @throws BackupError `tool-missing` */
export async function loadNodemailer() {
  try {
    return await import('nodemailer')
  } catch (error) {
    throw new BackupError('tool-missing', 'mail is sent with the package nodemailer, which is not installed', {
      cause: error,
      hint: 'npm install nodemailer',
    })
  }
}

function connectionOf({ host, port, tls, user, password }: SmtpAddress, ca: string | undefined) {
  return {
    ...{ host, port, secure: tls === 'implicit', requireTLS: tls === 'starttls', ignoreTLS: tls === 'none' },
    ...(user === null ? {} : { auth: { user, pass: password ?? '' } }),
    tls: { minVersion: 'TLSv1.2' as const, ...(ca === undefined ? {} : { ca }) },
  }
}

function timeoutsOf({ attemptMs }: NotifyDeps) {
  return {
    ...{ connectionTimeout: attemptMs, greetingTimeout: attemptMs, dnsTimeout: attemptMs, socketTimeout: attemptMs },
    socketCloseTimeout: 0,
  }
}

/** What nodemailer says of a failure, as far as it is known. */
interface SmtpFailure {
  readonly code?: string
  readonly originalCode?: string
  readonly response?: string
  readonly permanent?: boolean
}

function isFinal(error: unknown): boolean {
  const { code = '', permanent } = error as SmtpFailure
  return permanent === true || ['EAUTH', 'ENOAUTH', 'ECONFIG', 'ETLS', 'EABORT'].includes(code)
}

function explain(error: unknown, late: boolean, redact: (text: string) => string): Sent {
  const { code = '', originalCode, response } = error as SmtpFailure
  const failed = (message: string, hint: string) => ({ ok: false, message, hint })
  if (late || code === 'ETIMEDOUT')
    return failed('the mail server does not answer in time', 'check host, port and network')
  const said = response === undefined ? '' : `: ${redact(oneLine(response))}`
  if (code === 'EAUTH') return failed(`the mail server does not accept the login${said}`, 'check user and password')
  if (code === 'ENOAUTH') return failed('the mail server wants a login', 'give user and password in notify.email.smtp')
  if (code === 'EENVELOPE') return failed(`the mail server refuses sender or recipients${said}`, 'check from and to')
  if (code === 'ETLS' || originalCode !== undefined) {
    const reason = reasonOf(Object.assign(new Error(), { code: originalCode ?? code }))
    return failed(
      `the connection to the mail server failed: ${reason}`,
      'check host, port and certificate; `ca` names a certificate to trust, and smtps:// speaks TLS from the first byte',
    )
  }
  return failed(
    `the mail server refuses the message${said || ` (${code || 'no reason'})`}`,
    'see its log for the reason',
  )
}

function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim()
  return line.length > 300 ? `${line.slice(0, 299)}…` : line
}
