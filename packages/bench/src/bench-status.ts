import { parseArgs } from 'node:util'
import { openLifeboat } from '@lifeboat/core'
import { simulateFleet } from '../../testkit/src/simulated-fleet.js'

/*
 * How long `status` takes over a fleet whose stores lie in memory: what the program itself takes, without a network.
 * pnpm bench:status [--products 1000] [--nights 30] [--rounds 3]
 */
const { values } = parseArgs({
  options: {
    products: { type: 'string', default: '1000' },
    nights: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '3' },
  },
})
const [products, nights, rounds] = [Number(values.products), Number(values.nights), Number(values.rounds)]
const noon = new Date('2026-11-21T12:00:00.000Z')
process.stdout.write(`${products} products, 2 destinations each, ${nights} nights; node ${process.version}\n`)
const fleet = await simulateFleet({ products, nights, noon })
for (let round = 1; round <= rounds; round++) {
  let now = new Date(noon)
  // As a process that has just started: nothing is remembered.
  const lifeboat = await openLifeboat(fleet.config, { deps: { now: () => now } })
  await time(`${round}. first look`, () => lifeboat.status())
  await time(`${round}. again`, () => lifeboat.status())
  now = new Date(now.getTime() + 60_000)
  await time(`${round}. a minute later`, () => lifeboat.status())
}

async function time(what: string, look: () => ReturnType<Awaited<ReturnType<typeof openLifeboat>>['status']>) {
  const before = { ...fleet.calls }
  const startedMs = performance.now()
  const startedCpu = process.cpuUsage()
  const report = await look()
  const tookMs = Math.round(performance.now() - startedMs)
  const { user, system } = process.cpuUsage(startedCpu)
  const cpuMs = Math.round((user + system) / 1000)
  const [lists, gets] = [fleet.calls.list - before.list, fleet.calls.get - before.get]
  process.stdout.write(
    `${what.padEnd(20)} ${String(tookMs).padStart(6)} ms (${cpuMs} ms of processor)  ${lists} listings, ${gets} objects read, state ${report.state}\n`,
  )
}
