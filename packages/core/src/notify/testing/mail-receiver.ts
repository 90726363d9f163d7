import type { AddressInfo } from 'node:net'
import PostalMime, { type Email } from 'postal-mime'
import { generate } from 'selfsigned'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** A mail as the server took it. */
export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  /** Whether it came over TLS, and who had logged in. */
  readonly secure: boolean
  readonly user: string | undefined
  readonly mail: Email
  readonly source: string
}

export interface MailReceiver {
  readonly port: number
  /** The certificate, to be trusted. */
  readonly certificate: string
  readonly received: ReceivedMail[]
  close(): Promise<void>
}

/** A real SMTP server on 127.0.0.1, with a certificate of its own for that address. */
export async function startMailReceiver(
  options: SMTPServerOptions & { readonly password?: string; readonly refuse?: () => Error | undefined },
): Promise<MailReceiver> {
  const { password, refuse, ...settings } = options
  const { private: key, cert } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  })
  const received: ReceivedMail[] = []
  const server = new SMTPServer({
    ...{ key, cert, disableReverseLookup: true, authOptional: password === undefined },
    onAuth(auth, _session, done) {
      if (auth.password === password) done(null, { user: auth.username })
      else done(new Error('Invalid username or password'))
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', chunk => chunks.push(chunk))
      stream.on('end', async () => {
        const refusal = refuse?.()
        if (refusal !== undefined) {
          done(refusal)
          return
        }
        const source = Buffer.concat(chunks).toString('utf8')
        const { mailFrom, rcptTo } = session.envelope
        received.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          secure: session.secure,
          user: session.user as string | undefined,
          mail: await PostalMime.parse(source),
          source,
        })
        done()
      })
    },
    ...settings,
  })
  server.on('error', () => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.server.address() as AddressInfo).port,
    certificate: cert,
    received,
    close: () => new Promise(resolve => server.close(() => resolve())),
  }
}
