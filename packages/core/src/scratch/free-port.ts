import { type AddressInfo, createServer } from 'node:net'

/** A port of 127.0.0.1 that was free a moment ago; whoever uses it must be ready to lose it to another. */
export async function freePort(): Promise<number> {
  const server = createServer()
  return await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
