import { secret } from '@lifeboat/core'
import { backupProviderSuite } from '@lifeboat/core/testing'
import { startRenderService } from '@lifeboat/testkit/render-service'
import { afterAll, describe, expect, it } from 'vitest'
import { render } from './render.js'

const services: Awaited<ReturnType<typeof startRenderService>>[] = []

async function makeProvider(token?: string) {
  const service = await startRenderService()
  services.push(service)
  for (const id of ['exp-a', 'exp-b', 'exp-c'])
    service.exports.push({
      id,
      createdAt: new Date(service.now() - 3_600_000).toISOString(),
      looksLeft: id === 'exp-c' ? 9 : 0,
    })
  return render({
    postgresId: service.sourceId,
    apiKey: secret.value(token ?? service.token),
    services: ['srv-web'],
    apiUrl: service.server.baseUrl,
    statusUrl: service.server.origin,
    deps: service.deps,
  })
}

afterAll(async () => {
  for (const service of services) await service.close()
})

backupProviderSuite(
  { describe, it },
  {
    name: 'render',
    makeProvider: () => makeProvider(),
    backups: ['exp-a', 'exp-b', 'exp-c'],
    openable: 'exp-a',
    makeUnwelcome: () => makeProvider('rnd_wrong0000'),
    secrets: ['rnd_0123456789abcdefABCDEF', 'rnd_wrong0000', 's3cr3t', 's3cr@t', 's3cr%40t'],
  },
)

describe('the conformance suite on Render', () => {
  it('departed from the OpenAPI document nowhere', () => {
    expect(services.length).toBeGreaterThan(10)
    expect(services.flatMap(one => one.server.violations)).toEqual([])
  })
})
