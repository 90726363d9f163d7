import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiContract, type ContractRequest, type MatchedOperation, readContract } from './api-contract.js'
import { type ApiFault, FaultQueue } from './api-fault.js'

/** A request that the document allows, as a handler gets it. */
export interface ApiRequest extends MatchedOperation {
  /** The parsed body; undefined when there is none. */
  readonly body: unknown
  readonly headers: IncomingMessage['headers']
}

export interface ApiAnswer {
  readonly status: number
  /** Sent as JSON; left out, the body is empty, as providers answer 201, 202 and 204. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Answers an operation; keeps its state itself. */
export type ApiHandler = (request: ApiRequest) => ApiAnswer | Promise<ApiAnswer>

export interface OpenApiServerOptions {
  /** Handlers by `operationId`. An operation that is called and has none is a violation. */
  readonly handlers: Readonly<Record<string, ApiHandler>>
  /** The bearer token that requests must carry; others get 401. */
  readonly token: string
  /** The body of errors that the server itself answers. Default: `{ message }`. */
  readonly errorBody?: ((status: number, message: string, operationId: string | undefined) => unknown) | undefined
  /** Paths that are not in the document (downloads, a status page): true when it has answered. Asked first, without a token. */
  readonly other?: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
}

/** One request, and what became of it. */
export interface SeenRequest {
  readonly operationId: string | undefined
  readonly method: string
  readonly path: string
  /** What was answered; null when the connection was cut. */
  readonly status: number | null
}

/** A departure from the document, of the client (its request) or of the test's own handlers (their answer). */
export interface ContractViolation {
  readonly operationId: string | undefined
  readonly side: 'request' | 'answer'
  readonly request: string
  readonly problems: readonly string[]
}

/** A real HTTP server on 127.0.0.1 that holds every request and every answer against an OpenAPI document. */
export interface OpenApiServer {
  /** The origin; the paths of the document lie below {@link baseUrl}. */
  readonly origin: string
  /** The origin and the path of the document's first server: what a client takes as its base address. */
  readonly baseUrl: string
  readonly requests: readonly SeenRequest[]
  /** A test ends by asserting that this is empty. */
  readonly violations: readonly ContractViolation[]
  /** Every operation that was called with the statuses that it answered: `list-postgres 200`. */
  exercised(): ReadonlySet<string>
  /** The next request of this operation (or of any, for undefined) meets this fault, so many times. Default: once. */
  inject(operationId: string | undefined, fault: ApiFault, times?: number): void
  /** How many faults nobody has met yet; a test ends by asserting 0. */
  pending(): number
  /** Drops the faults that nobody has met. */
  forget(): void
  close(): Promise<void>
}

/** Starts a server for an OpenAPI 3.0 document on a free loopback port. */
export async function startOpenApiServer(document: object, options: OpenApiServerOptions): Promise<OpenApiServer> {
  const contract = await readContract(document)
  const unknown = Object.keys(options.handlers).filter(id => !contract.operationIds.includes(id))
  if (unknown.length > 0) throw new Error(`the document has no operation ${unknown.join(', ')}`)
  const faults = new FaultQueue()
  const requests: SeenRequest[] = []
  const violations: ContractViolation[] = []
  const server = createServer((incoming, outgoing) => {
    if (options.other?.(incoming, outgoing)) return
    void answer({ contract, options, faults, requests, violations }, incoming, outgoing).catch((error: unknown) => {
      // A handler that throws is a defect of the test: it must not pass as a quiet 500.
      const problems = [`the handler threw: ${error instanceof Error ? error.message : String(error)}`]
      violations.push({
        operationId: undefined,
        side: 'answer',
        request: `${incoming.method} ${incoming.url}`,
        problems,
      })
      outgoing.destroy()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    baseUrl: `${origin}${contract.root}`,
    requests,
    violations,
    exercised: () =>
      new Set(
        requests.filter(one => one.operationId !== undefined).map(one => `${one.operationId} ${one.status ?? 'cut'}`),
      ),
    inject: (operationId, fault, times = 1) => faults.add(operationId, fault, times),
    pending: () => faults.pending,
    forget: () => faults.clear(),
    close: () => closed(server),
  }
}

interface Served {
  readonly contract: ApiContract
  readonly options: OpenApiServerOptions
  readonly faults: FaultQueue
  readonly requests: SeenRequest[]
  readonly violations: ContractViolation[]
}

async function answer(served: Served, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { contract, options, violations } = served
  const request = await readRequest(incoming)
  const name = `${request.method} ${request.path}`
  const matched = contract.match(request)
  const operationId = matched?.operationId
  const violate = (side: 'request' | 'answer', problems: readonly string[]) => {
    if (problems.length > 0) violations.push({ operationId, side, request: name, problems })
    return problems.length > 0
  }
  const note = (status: number | null) =>
    void served.requests.push({ operationId, method: request.method, path: request.path, status })
  const refuse = (status: number, message: string) => {
    note(status)
    send(outgoing, { status, body: options.errorBody?.(status, message, operationId) ?? { message } })
  }

  if (matched === undefined || operationId === undefined) {
    violate('request', ['request: the document has no such operation'])
    return refuse(404, 'not found')
  }
  if (incoming.headers.authorization !== `Bearer ${options.token}`) return refuse(401, 'unauthorized')
  const problems = contract.checkRequest(request, operationId)
  if (violate('request', problems)) return refuse(400, problems.join('; '))

  const fault = served.faults.take(operationId)
  if (fault?.kind === 'reset') {
    note(null)
    return void incoming.socket.resetAndDestroy()
  }
  if (fault?.kind === 'text') {
    note(fault.status)
    return void outgoing.writeHead(fault.status, { 'content-type': 'text/html', ...fault.headers }).end(fault.text)
  }
  if (fault?.kind === 'answer') {
    // An empty body in place of a documented error is one of the things that a fault is there to send.
    if (contract.knowsStatus(operationId, fault.status) && fault.body !== undefined)
      violate('answer', contract.checkAnswer(fault, operationId))
    note(fault.status)
    return send(outgoing, fault)
  }
  if (fault?.kind === 'slow') await sleep(fault.delayMs)

  const handler = options.handlers[operationId]
  if (handler === undefined) {
    violate('answer', ['the test has no handler for this operation'])
    return refuse(501, 'no handler')
  }
  const body: unknown = request.body === '' ? undefined : JSON.parse(request.body)
  const made = await handler({ ...matched, body, headers: incoming.headers })
  violate('answer', contract.checkAnswer(asSent(made), operationId))
  if (fault?.kind === 'lose-answer' || fault?.kind === 'cut-answer') {
    note(null)
    if (fault.kind === 'lose-answer') return void incoming.socket.resetAndDestroy()
    const text = Buffer.from(JSON.stringify(made.body ?? {}))
    outgoing.writeHead(made.status, { 'content-type': 'application/json', 'content-length': text.length })
    outgoing.write(text.subarray(0, text.length >> 1), () => outgoing.destroy())
    return
  }
  note(made.status)
  send(outgoing, made)
}

/** What the client will read: undefined members and dates become what JSON makes of them. */
function asSent(made: ApiAnswer): ApiAnswer {
  return made.body === undefined ? made : { ...made, body: JSON.parse(JSON.stringify(made.body)) as unknown }
}

async function readRequest(incoming: IncomingMessage): Promise<ContractRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(incoming.headers)) if (value !== undefined) headers[name] = value
  return { method: incoming.method ?? '', path: incoming.url ?? '', headers, body: Buffer.concat(chunks).toString() }
}

function send(outgoing: ServerResponse, { status, body, headers }: ApiAnswer): void {
  if (body === undefined) return void outgoing.writeHead(status, { ...headers }).end()
  outgoing.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise(resolve => void server.close(() => resolve()))
}
