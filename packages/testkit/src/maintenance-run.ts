import { createInterface } from 'node:readline'
import { directory, type LifeboatConfig, openLifeboat, secret } from '@lifeboat/core'
import { render } from '@lifeboat/provider-render'

/*
 * A process of its own that restores with the services paused, and kills itself with a real SIGKILL at a moment that it is
 * told. It starts first and then waits for one line with the order.
 */

/** What the process is told to do. */
export interface MaintenanceOrder {
  readonly backup: string
  readonly folder: string
  readonly to: string
  readonly apiUrl: string
  readonly postgresId: string
  readonly apiKey: string
  readonly passphrase: string
  readonly pgTools: { readonly folder: string; readonly major: number; readonly version: string }
  readonly leaseMs: number
  /** The moment at which it dies: around a request, by what its path ends in, or at the start of a step. */
  readonly dieAt: 'before /suspend' | 'after /suspend' | 'before /resume' | 'definitions and rows' | 'never'
}

/** How both processes see the product. */
export function configOf(order: MaintenanceOrder, fetched: typeof fetch = fetch): LifeboatConfig {
  return {
    products: {
      shop: {
        source: { url: secret.value('postgres://nobody@127.0.0.1:1/none') },
        encryption: { passphrase: secret.value(order.passphrase) },
        destinations: { local: { store: directory(order.folder) } },
        provider: render({
          ...{ postgresId: order.postgresId, apiKey: secret.value(order.apiKey), services: ['srv-web'] },
          ...{ apiUrl: order.apiUrl, statusUrl: null, deps: { fetch: fetched } },
        }),
      },
    },
  }
}

async function obey(order: MaintenanceOrder): Promise<void> {
  const pass = (moment: string) => {
    if (moment !== order.dieAt) return
    process.kill(process.pid, 'SIGKILL')
    // The signal is on its way; nothing more must happen until it is here.
    for (;;);
  }
  const fetched: typeof fetch = async (input, init) => {
    const path = /\/(suspend|resume)$/.exec(input instanceof Request ? input.url : String(input))?.[0] ?? ''
    pass(`before ${path}`)
    const response = await fetch(input, init)
    pass(`after ${path}`)
    return response
  }
  const lifeboat = await openLifeboat(configOf(order, fetched), {
    deps: { lockLeaseMs: order.leaseMs, findPgTools: async () => [order.pgTools] },
  })
  await lifeboat.restore(order.backup, {
    ...{ to: order.to, create: true, pause: true },
    onEvent: event => {
      if (event.type === 'step.started') pass(event.step)
    },
  })
  process.stdout.write('done\n')
}

if (process.argv.includes('--obey')) {
  process.stdout.write('ready\n')
  for await (const line of createInterface({ input: process.stdin })) {
    await obey(JSON.parse(line) as MaintenanceOrder)
    break
  }
  process.exit()
}
