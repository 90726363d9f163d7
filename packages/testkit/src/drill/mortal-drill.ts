import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { directory, openLifeboat, secret } from '@lifeboat/core'

/*
 * A drill in a process of its own, to be killed: it waits for one line with the order, so that the next one can start
 * ahead, and says every event on a line.
 */

/** What it is told to do. */
export interface DrillOrder {
  readonly source: string
  readonly store: string
  /** A configured server, and its name; else a server of its own. */
  readonly scratch: { readonly url: string; readonly name: string } | null
  readonly pgTools: readonly { readonly folder: string; readonly major: number; readonly version: string }[]
}

export async function main(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { source, store, scratch, pgTools } = JSON.parse(line) as DrillOrder
    const drill = scratch === null ? {} : { url: secret.value(scratch.url), allowSourceServer: scratch.name }
    const lifeboat = await openLifeboat(
      {
        products: {
          shop: {
            source: { url: secret.value(source) },
            encryption: { passphrase: secret.value('correct horse battery') },
            destinations: { local: { store: directory(store) } },
            drill,
          },
        },
      },
      { deps: { findPgTools: async () => [...pgTools] } },
    )
    const report = await lifeboat.drill('shop/latest', {
      onEvent: event => {
        const more = event.type === 'warning.raised' ? event.message : 'step' in event ? event.step : ''
        writeSync(1, `${event.type} ${more}\n`)
      },
    })
    writeSync(1, `report ${report.ok} ${report.findings.map(one => one.code).join()}\n`)
    break
  }
  process.exit()
}
