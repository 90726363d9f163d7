import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { secret } from '@lifeboat/core'
import { backupProviderSuite } from '@lifeboat/core/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { snapshots } from './example-provider.js'

const token = 'token-of-the-example'
const ids = ['1', '2', '3', '4', '5']
const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

/** A service with pages of two. */
async function startService(): Promise<string> {
  const kept = [...ids]
  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://localhost')
    if (request.headers.authorization !== `Bearer ${token}`) return response.writeHead(401).end('{"message":"who?"}')
    if (request.method === 'DELETE') {
      const at = kept.indexOf(url.pathname.split('/').at(-1)!)
      if (at >= 0) kept.splice(at, 1)
      return response.writeHead(at >= 0 ? 204 : 404).end()
    }
    const from = Number(url.searchParams.get('after') ?? 0)
    const items = kept.slice(from, from + 2).map(id => ({ id, state: 'done', made: '2026-11-21T02:00:00+01:00' }))
    return response.end(JSON.stringify({ items, next: from + 2 < kept.length ? String(from + 2) : null }))
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

backupProviderSuite(
  { describe, it },
  {
    name: 'the example of docs/writing-a-provider.md',
    makeProvider: async () => snapshots({ url: await startService(), token: secret.value(token) }),
    makeUnwelcome: async () => snapshots({ url: await startService(), token: secret.value('wrong-token') }),
    backups: ids,
    secrets: [token, 'wrong-token'],
  },
)

describe('docs/writing-a-provider.md', () => {
  const doc = readFileSync(new URL('../../../docs/writing-a-provider.md', import.meta.url), 'utf8')

  it('shows the example that is compiled and tested here, to the letter', () => {
    const example = readFileSync(new URL('example-provider.ts', import.meta.url), 'utf8')
    expect(doc).toContain(`\`\`\`ts\n${example}\`\`\``)
  })

  it('takes under 150 lines', () => {
    expect(doc.split('\n').length).toBeLessThan(150)
  })
})
