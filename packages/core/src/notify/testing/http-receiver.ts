import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it came. */
export interface Received {
  readonly method: string
  /** Path and parameters. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What to answer; `hang` never does, `cut` closes the connection. */
export type ReceiverAnswer =
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  | 'hang'
  | 'cut'

/** A real HTTP server on 127.0.0.1 that keeps what it gets. */
export interface HttpReceiver {
  readonly url: string
  readonly received: Received[]
  /** What comes next; the last one stays. Default: 200 `ok`. */
  answer(...answers: ReceiverAnswer[]): void
  /** Throws what a request broke, to be answered with 400. */
  check: ((request: Received) => void) | undefined
  close(): Promise<void>
}

export async function startHttpReceiver(): Promise<HttpReceiver> {
  let queue: ReceiverAnswer[] = []
  const received: Received[] = []
  const server: Server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const one: Received = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body }
    received.push(one)
    const answer = (queue.length > 1 ? queue.shift() : queue[0]) ?? { status: 200, body: 'ok' }
    if (answer === 'hang') return
    if (answer === 'cut') {
      request.socket.destroy()
      return
    }
    try {
      receiver.check?.(one)
      response.writeHead(answer.status, answer.headers)
      response.end(answer.body ?? '')
    } catch (error) {
      response.writeHead(400)
      response.end(error instanceof Error ? error.message : String(error))
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const receiver: HttpReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answer: (...answers) => {
      queue = answers
    },
    check: undefined,
    close: () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
  return receiver
}
