import { secret } from '@lifeboat/core'
import { type RenderService, type RenderServiceOptions, startRenderService } from '@lifeboat/testkit/render-service'
import { type RenderProvider, render } from '../render.js'
import type { RenderOptions } from '../render-options.js'

/** A stand-in for Render and a provider on it. */
export async function withRender(
  options: RenderServiceOptions = {},
  more: Partial<RenderOptions> = {},
): Promise<{ readonly service: RenderService; readonly provider: RenderProvider }> {
  const service = await startRenderService(options)
  return { service, provider: providerOn(service, more) }
}

/** Another process on the same account. */
export function providerOn(service: RenderService, more: Partial<RenderOptions> = {}): RenderProvider {
  return render({
    postgresId: service.sourceId,
    apiKey: secret.value(service.token),
    services: [...service.services.keys()],
    apiUrl: service.server.baseUrl,
    statusUrl: service.server.origin,
    deps: service.deps,
    ...more,
  })
}

export async function listed<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const one of source) found.push(one)
  return found
}
