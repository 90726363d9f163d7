import { Socket } from 'node:net'

/** Whether something listens there, asked by a TCP connection and nothing more. */
export type Reach = (
  address: { readonly host: string; readonly port: number },
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
) => Promise<true | string>

/** True, or why not. @throws the signal's reason */
export const reachByTcp: Reach = ({ host, port }, { timeoutMs, signal }) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const socket = new Socket()
    const end = (settle: () => void) => {
      signal?.removeEventListener('abort', onAbort)
      socket.destroy()
      settle()
    }
    const onAbort = () => end(() => reject(signal?.reason))
    signal?.addEventListener('abort', onAbort, { once: true })
    socket.setTimeout(timeoutMs, () => end(() => resolve('no answer in time')))
    socket.once('connect', () => end(() => resolve(true)))
    socket.once('error', (error: NodeJS.ErrnoException) => end(() => resolve(error.code ?? error.message)))
    socket.connect({ host, port })
  })
