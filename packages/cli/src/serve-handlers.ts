import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BackupError } from '@lifeboat/core'

/** Answers a request, as a service worker does. */
export type Handler = (request: Request) => Promise<Response>

export interface ServedHandlers {
  /** Where it listens: `http://127.0.0.1:8080`. */
  readonly address: string
  close(): Promise<void>
}

/**
 * Listens, and gives each request to the handler of its path; any other path is 404. A handler that throws is a 500
 * that tells nothing.
 * @param port 0 takes one that is free
 * @throws BackupError `config-invalid` when the port cannot be had
 */
export async function serveHandlers(
  handlers: Readonly<Record<string, Handler>>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<ServedHandlers> {
  const server = createServer((incoming, outgoing) => {
    answer(handlers, incoming)
      .catch(() => new Response('internal error\n', { status: 500 }))
      .then(response => send(response, outgoing))
      .catch(() => outgoing.destroy())
  })
  // Whoever holds a request open is let go; nothing here takes long.
  server.requestTimeout = 10_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'something else listens there' : error.message
      reject(
        new BackupError('config-invalid', `cannot listen on ${host} port ${port}: ${why}`, {
          hint: 'choose another with --health-port',
          cause: error,
        }),
      )
    })
    server.listen(port, host, resolve)
  })
  const at = server.address() as AddressInfo
  return {
    address: `http://${at.family === 'IPv6' ? `[${at.address}]` : at.address}:${at.port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(handlers: Readonly<Record<string, Handler>>, incoming: IncomingMessage): Promise<Response> {
  const url = new URL(incoming.url ?? '/', 'http://localhost')
  const handler = Object.hasOwn(handlers, url.pathname) ? handlers[url.pathname] : undefined
  if (handler === undefined) return new Response('not found\n', { status: 404 })
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming.headers))
    for (const one of [value ?? []].flat()) headers.append(name, one)
  return handler(new Request(url, { method: incoming.method ?? 'GET', headers }))
}

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.statusCode = response.status
  response.headers.forEach((value, name) => {
    outgoing.setHeader(name, value)
  })
  outgoing.end(Buffer.from(await response.arrayBuffer()))
}
