import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { memoryStore, openLifeboat, secret } from '@lifeboat/core'
import { createStatusHandler, type FetchHandler, statusAnswerSchema } from '@lifeboat/core/status'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterAll, describe, expect, it } from 'vitest'
import { plantBackup } from '../simulated-fleet.js'
import { runSnippet, snippet } from './doc-snippets.js'

const noon = new Date('2026-11-21T12:00:00.000Z')
const token = 'a-token-for-tests-of-servers'

async function handler(): Promise<FetchHandler> {
  const store = memoryStore()
  await plantBackup(store, 'shop', noon.getTime() - 3_600_000)
  const lifeboat = await openLifeboat(
    {
      products: {
        shop: {
          source: { url: secret.value('postgres://admin:never-shown@db.example.org/shop') },
          encryption: { passphrase: secret.value('never shown either') },
          destinations: { local: { store } },
          objectives: { rpo: '30m' },
        },
      },
    },
    { deps: { now: () => noon } },
  )
  return createStatusHandler(lifeboat, { token, now: () => noon })
}

interface Running {
  readonly url: string
  close(): Promise<unknown>
}

async function listen(server: Server): Promise<Running> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise(resolve => server.close(resolve)),
  }
}

const servers: Readonly<Record<string, (handle: FetchHandler) => Promise<Running>>> = {
  async express(handle) {
    const app = express()
    runSnippet(await snippet('status.md', 'express'), { app, handle })
    return listen(createServer(app))
  },
  async fastify(handle) {
    const app = fastify()
    runSnippet(await snippet('status.md', 'fastify'), { app, handle })
    return { url: await app.listen({ host: '127.0.0.1', port: 0 }), close: () => app.close() }
  },
  async hono(handle) {
    const app = new Hono()
    runSnippet(await snippet('status.md', 'hono'), { app, handle })
    return listen(createServer(getRequestListener(app.fetch)))
  },
  async next(handle) {
    const exported = await nextRoute(handle)
    // Next calls the export that is named as the method.
    return listen(createServer(getRequestListener(async request => exported[request.method]!(request))))
  },
}

/** What the route module of the page exports. */
async function nextRoute(handle: FetchHandler): Promise<Record<string, FetchHandler>> {
  const code = (await snippet('status.md', 'next')).replace(/^import .*$/m, '').replaceAll('export const ', 'exported.')
  const exported: Record<string, FetchHandler> = {}
  runSnippet(code, { exported, handle })
  return exported
}

// Hono's server puts its own in their place, and nobody would see the answers of files that come later in this process.
const { Request, Response } = globalThis
afterAll(() => void Object.assign(globalThis, { Request, Response }))

describe.each(Object.keys(servers))('the status in a server of %s', name => {
  it('answers with its documented shape, to whoever has the token', async () => {
    const { url, close } = await servers[name]!(await handler())
    try {
      const at = `${url}/api/backup-status`
      const refused = await fetch(at)
      expect(refused.status).toBe(401)
      expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="lifeboat"')
      const headers = { authorization: `Bearer ${token}` }
      const answered = await fetch(at, { headers })
      expect(answered.status).toBe(200)
      expect(answered.headers.get('content-type')).toBe('application/json; charset=utf-8')
      const text = await answered.text()
      expect(text).not.toMatch(/never.shown/)
      expect(statusAnswerSchema.parse(JSON.parse(text))).toMatchObject({ state: 'critical', stale: false, ageMs: 0 })
      const etag = answered.headers.get('etag')!
      const same = await fetch(at, { headers: { ...headers, 'if-none-match': etag } })
      expect([same.status, await same.text()]).toEqual([304, ''])
      expect((await fetch(`${at}?strict`, { headers })).status).toBe(503)
      const head = await fetch(at, { method: 'HEAD', headers })
      expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, etag, ''])
    } finally {
      await close()
    }
  })
})
