import type { EmailConfig } from '../../config/notify-schema.js'
import { isSecret } from '../../config/secret.js'
import { BackupError } from '../../errors/backup-error.js'

/** How a mail server is reached. */
export interface SmtpAddress {
  readonly host: string
  readonly port: number
  /** `starttls`: refused where the server offers none. `offered`: taken where it does, on this machine only. */
  readonly tls: 'implicit' | 'starttls' | 'offered' | 'none'
  readonly user: string | null
  readonly password: string | null
}

const ports = { implicit: 465, starttls: 587, none: 25 } as const

/** Reads the secrets and puts the address together. @throws BackupError `secret-missing`, `config-invalid` */
export function readSmtpAddress(smtp: EmailConfig['smtp']): SmtpAddress {
  if (!isSecret(smtp)) {
    const { host, user, tls } = smtp
    const address = { host, port: smtp.port ?? ports[tls], user: user ?? null, password: smtp.password?.read() ?? null }
    return { ...address, tls: tls === 'starttls' && isLocal(host) ? 'offered' : tls }
  }
  const text = smtp.read()
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^smtps?:$/.test(url.protocol) || url.hostname === '') {
    throw new BackupError('config-invalid', `the ${smtp.description} is no address of a mail server`, {
      hint: 'write smtp://USER:PASSWORD@HOST:587, or smtps:// for TLS from the first byte; % and @ in a password as %25 and %40',
    })
  }
  const tls = url.protocol === 'smtps:' ? 'implicit' : 'starttls'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return {
    host,
    port: url.port === '' ? ports[tls] : Number(url.port),
    tls: tls === 'starttls' && isLocal(host) ? 'offered' : tls,
    user: url.username === '' ? null : decode(url.username),
    password: url.password === '' ? null : decode(url.password),
  }
}

function isLocal(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|localhost|::1)$/.test(host)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A % that nobody encoded: meant as it is.
    return text
  }
}
