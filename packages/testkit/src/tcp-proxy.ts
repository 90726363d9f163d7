import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** What goes wrong with a connection, and when. */
export interface TcpFault {
  /** `cut`: both sides are closed. `reset`: both are reset. `stall`: nothing passes any more, and nothing closes. */
  readonly kind: 'cut' | 'reset' | 'stall'
  /** The fault waits for these words from the client, such as /COPY .* TO stdout/. Default: meets the next connection. */
  readonly after?: RegExp | undefined
  /** Whose bytes are counted from then on. */
  readonly counting: 'to-client' | 'to-server'
  /** How many of them still pass. */
  readonly afterBytes: number
}

/** A proxy in front of a server that speaks its protocol in clear, such as a scratch Postgres. */
export interface TcpProxy {
  readonly port: number
  /** One connection meets this fault, once. */
  inject(fault: TcpFault): void
  /** How many faults nobody has met yet; a test ends by asserting 0. */
  pending(): number
  close(): Promise<void>
}

/** How much of what a client said is searched for the words of a fault. */
const heardBytes = 4096

/** Starts a proxy on a free loopback port. */
export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const faults: TcpFault[] = []
  const sockets = new Set<Socket>()
  const server = createServer(client => {
    const upstream = connect(target.port, target.host)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.once('close', () => sockets.delete(socket))
      // Whatever breaks one side breaks the other; that is all a proxy has to say about it.
      socket.on('error', () => {})
    }
    couple(client, upstream, faults)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    inject: fault => void faults.push(fault),
    pending: () => faults.length,
    close: () => closed(server, sockets),
  }
}

function couple(client: Socket, upstream: Socket, faults: TcpFault[]): void {
  let met: { readonly fault: TcpFault; left: number } | undefined
  let heard = ''
  const listen = (chunk: Buffer) => {
    heard = (heard + chunk.toString('latin1')).slice(-heardBytes)
    const index = faults.findIndex(({ after }) => after === undefined || after.test(heard))
    if (index >= 0) met = takeOut(faults, index)
  }
  const pass = (from: Socket, to: Socket, direction: TcpFault['counting']) => {
    from.on('data', (chunk: Buffer) => {
      if (met === undefined && direction === 'to-server') listen(chunk)
      if (met?.fault.counting === direction) {
        const passed = chunk.subarray(0, Math.max(0, met.left))
        met.left -= chunk.length
        if (met.left <= 0) return strike(met.fault.kind, passed, to)
      }
      if (to.write(chunk)) return
      from.pause()
      to.once('drain', () => from.resume())
    })
    from.once('end', () => to.end())
    from.once('close', () => to.destroy())
  }
  const strike = (kind: TcpFault['kind'], last: Buffer, to: Socket) => {
    if (kind === 'stall') {
      to.write(last)
      client.removeAllListeners('data').pause()
      upstream.removeAllListeners('data').pause()
      return
    }
    // What was let through must arrive before the end does.
    to.write(last, () => {
      for (const socket of [client, upstream]) kind === 'reset' ? socket.resetAndDestroy() : socket.destroy()
    })
  }
  pass(client, upstream, 'to-server')
  pass(upstream, client, 'to-client')
}

function takeOut(faults: TcpFault[], index: number): { fault: TcpFault; left: number } {
  const fault = faults.splice(index, 1)[0]!
  return { fault, left: fault.afterBytes }
}

function closed(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy()
  return new Promise(resolve => void server.close(() => resolve()))
}
