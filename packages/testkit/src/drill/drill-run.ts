import { writeSync } from 'node:fs'
import { directory, openLifeboat, secret } from '@lifeboat/core'

/** What the process of a drill is told, in the environment variable `DRILL_ORDER`. */
export interface DrillOrder {
  readonly source: string
  readonly store: string
  /** A server to drill on, and its name; default: one of its own. */
  readonly scratch?: { readonly url: string; readonly name: string } | undefined
}

/** A drill in a process of its own, which says every event on a line, and what came of it. */
export async function main(): Promise<void> {
  const { source, store, scratch }: DrillOrder = JSON.parse(process.env.DRILL_ORDER!)
  const say = (line: string) => writeSync(1, `${line}\n`)
  const lifeboat = await openLifeboat({
    products: {
      shop: {
        source: { url: secret.value(source) },
        encryption: { passphrase: secret.value('correct horse battery') },
        destinations: { local: { store: directory(store) } },
        ...(scratch && { drill: { url: secret.value(scratch.url), allowSourceServer: scratch.name } }),
      },
    },
  })
  const report = await lifeboat.drill('shop/latest', {
    onEvent: event => say(`${event.type} ${'step' in event ? event.step : ''}`),
  })
  say(`report ${report.ok} ${report.findings.map(one => one.code + one.message).join()}`)
}
