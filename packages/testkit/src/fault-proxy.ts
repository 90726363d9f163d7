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
      /** Gets what the request carried. */
      readonly onBody?: (body: string) => void
    }
  /** The connection is reset before the request reaches the service. */
  | { readonly kind: 'reset' }
  /** The service does its work, but its answer is lost. */
  | { readonly kind: 'lose-answer' }
  /** The answer's body breaks off after so many bytes. */
  | { readonly kind: 'cut-answer'; readonly afterBytes: number }
  /** The request's body is reset after so many bytes have reached the service. */
  | { readonly kind: 'cut-request'; readonly afterBytes: number }
  /** The service answers, and these come with it. */
  | { readonly kind: 'add-headers'; readonly headers: Readonly<Record<string, string>> }
  /** The request is taken and nothing ever comes back; it ends when the client hangs up. */
  | { readonly kind: 'stall' }

/** A proxy in front of a test service that goes wrong on demand. */
export interface FaultProxy {
  readonly endpoint: string
  /** Every request that came, in order: `PUT /bucket/key?partNumber=1…`. */
  readonly requests: readonly string[]
  /** Bytes of bodies that passed: of requests, and of answers. */
  readonly traffic: { readonly sentBytes: number; readonly answeredBytes: number }
  /**
   * Requests for which `matches` says yes meet this fault: by default the next one, once. `skip` lets so many pass
   * before (the n-th UploadPart), `times` makes so many meet it.
   */
  inject(
    matches: (request: ProxiedRequest) => boolean,
    fault: ProxyFault,
    which?: { readonly skip?: number; readonly times?: number },
  ): void
  /** How many faults nobody has met yet; a test ends by asserting 0. */
  pending(): number
  close(): Promise<void>
}

/** What an S3 request asks for, by its method and query. */
export type S3Request =
  | 'PutObject'
  | 'UploadPart'
  | 'CreateMultipartUpload'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'GetObject'
  | 'HeadObject'
  | 'ListObjects'
  | 'DeleteObject'
  | 'other'

/** Which S3 request this is; a key is told from a bucket by the path's second part. */
export function s3RequestOf({ method, url }: ProxiedRequest): S3Request {
  const { pathname, searchParams } = new URL(url, 'http://proxy')
  const ofObject = /^\/[^/]+\/./.test(pathname)
  const upload = searchParams.has('uploadId')
  switch (method) {
    case 'PUT':
      return upload ? 'UploadPart' : ofObject ? 'PutObject' : 'other'
    case 'POST':
      return upload ? 'CompleteMultipartUpload' : searchParams.has('uploads') ? 'CreateMultipartUpload' : 'other'
    case 'GET':
      return ofObject ? 'GetObject' : searchParams.has('uploads') ? 'other' : 'ListObjects'
    case 'HEAD':
      return ofObject ? 'HeadObject' : 'other'
    case 'DELETE':
      return upload ? 'AbortMultipartUpload' : 'DeleteObject'
    default:
      return 'other'
  }
}

/** The answer of an S3 service that refuses, with an error of this code. */
export function s3Refusal(status: number, code: string, headers: Readonly<Record<string, string>> = {}): ProxyFault {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>made up by a test</Message></Error>`
  return { kind: 'answer', status, body, headers }
}

interface Waiting {
  readonly matches: (request: ProxiedRequest) => boolean
  readonly fault: ProxyFault
  skip: number
  times: number
}

/** Starts a proxy on a free loopback port. Signatures stay valid: headers pass through unchanged, `Host` included. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const faults: Waiting[] = []
  const requests: string[] = []
  const traffic = { sentBytes: 0, answeredBytes: 0 }
  const server = createServer((incoming, outgoing) => {
    const seen = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers }
    requests.push(`${seen.method} ${seen.url}`)
    incoming.on('data', (chunk: Buffer) => {
      traffic.sentBytes += chunk.length
    })
    meet(faultFor(faults, seen), target, incoming, outgoing, traffic)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    traffic,
    inject: (matches, fault, { skip = 0, times = 1 } = {}) => void faults.push({ matches, fault, skip, times }),
    pending: () => faults.reduce((sum, one) => sum + one.times, 0),
    close: () => closed(server),
  }
}

function faultFor(faults: Waiting[], request: ProxiedRequest): ProxyFault | undefined {
  for (const [index, waiting] of faults.entries()) {
    if (!waiting.matches(request)) continue
    if (waiting.skip-- > 0) continue
    if (--waiting.times === 0) faults.splice(index, 1)
    return waiting.fault
  }
  return undefined
}

function meet(
  fault: ProxyFault | undefined,
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  traffic: { answeredBytes: number },
): void {
  if (fault?.kind === 'reset') return void incoming.socket.resetAndDestroy()
  if (fault?.kind === 'stall') return void incoming.resume()
  if (fault?.kind === 'answer') {
    const headers = { 'content-type': 'application/xml', ...fault.headers }
    const body: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => body.push(chunk))
    incoming.once('end', () => {
      fault.onBody?.(Buffer.concat(body).toString())
      outgoing.writeHead(fault.status, headers).end(fault.body)
    })
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
      const added = fault?.kind === 'add-headers' ? fault.headers : {}
      outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...added })
      let left = fault?.kind === 'cut-answer' ? fault.afterBytes : Number.POSITIVE_INFINITY
      // Held: an answer that has ended lets go of its socket, and nothing would be cut.
      const { socket } = outgoing
      answer.on('data', (chunk: Buffer) => {
        const passed = chunk.subarray(0, left)
        left -= passed.length
        traffic.answeredBytes += passed.length
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
  let toPass = fault?.kind === 'cut-request' ? fault.afterBytes : Number.POSITIVE_INFINITY
  incoming.on('data', (chunk: Buffer) => {
    if (chunk.length >= toPass) {
      forwarded.write(chunk.subarray(0, toPass))
      return void incoming.socket.resetAndDestroy()
    }
    toPass -= chunk.length
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
