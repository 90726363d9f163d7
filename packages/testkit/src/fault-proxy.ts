import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a proxy sees of a request before it passes it on. */
export interface ProxiedRequest {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingMessage['headers']
}

/** What goes wrong. */
export type ProxyFault =
  /** The service is not asked; this comes back. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly body: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** The connection is reset before the request reaches the service. */
  | { readonly kind: 'reset' }
  /** The service does its work, but its answer is lost. */
  | { readonly kind: 'lose-answer' }
  /** The answer's body breaks off after so many bytes. */
  | { readonly kind: 'cut-answer'; readonly afterBytes: number }

/** A proxy in front of a test service that goes wrong on demand. */
export interface FaultProxy {
  readonly endpoint: string
  /** Every request that came, in order: `PUT /bucket/key?partNumber=1…`. */
  readonly requests: readonly string[]
  /** The next request for which `matches` says yes meets this fault, once. */
  inject(matches: (request: ProxiedRequest) => boolean, fault: ProxyFault): void
  /** How many faults nobody has met yet; a test ends by asserting 0. */
  pending(): number
  close(): Promise<void>
}

/** Starts a proxy on a free loopback port. Signatures stay valid: headers pass through unchanged, `Host` included. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const faults: { matches: (request: ProxiedRequest) => boolean; fault: ProxyFault }[] = []
  const requests: string[] = []
  const server = createServer((incoming, outgoing) => {
    const seen = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers }
    requests.push(`${seen.method} ${seen.url}`)
    const index = faults.findIndex(({ matches }) => matches(seen))
    const fault = index === -1 ? undefined : faults.splice(index, 1)[0]!.fault
    meet(fault, target, incoming, outgoing)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    inject: (matches, fault) => void faults.push({ matches, fault }),
    pending: () => faults.length,
    close: () => closed(server),
  }
}

function meet(
  fault: ProxyFault | undefined,
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  if (fault?.kind === 'reset') return void incoming.socket.resetAndDestroy()
  if (fault?.kind === 'answer') {
    incoming.resume()
    const headers = { 'content-type': 'application/xml', ...fault.headers }
    incoming.once('end', () => outgoing.writeHead(fault.status, headers).end(fault.body))
    return
  }
  const { hostname, port } = new URL(target)
  const forwarded = request(
    { hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers },
    answer => {
      if (fault?.kind === 'lose-answer') {
        answer.resume()
        answer.once('end', () => incoming.socket.resetAndDestroy())
        return
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      let left = fault?.kind === 'cut-answer' ? fault.afterBytes : Number.POSITIVE_INFINITY
      // Held: an answer that has ended lets go of its socket, and nothing would be cut.
      const { socket } = outgoing
      answer.on('data', (chunk: Buffer) => {
        const passed = chunk.subarray(0, left)
        left -= passed.length
        const more = outgoing.write(passed)
        if (left === 0) return void setTimeout(() => socket?.resetAndDestroy(), 20)
        if (!more) {
          answer.pause()
          outgoing.once('drain', () => answer.resume())
        }
      })
      answer.once('end', () => {
        if (left > 0) outgoing.end()
      })
      answer.once('error', () => outgoing.destroy())
    },
  )
  incoming.on('data', (chunk: Buffer) => {
    if (forwarded.write(chunk)) return
    incoming.pause()
    forwarded.once('drain', () => incoming.resume())
  })
  incoming.once('end', () => forwarded.end())
  // A client that goes away must not leave its request behind at the service.
  outgoing.once('close', () => forwarded.destroy())
  forwarded.once('error', () => outgoing.destroy())
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise(resolve => void server.close(() => resolve()))
}
