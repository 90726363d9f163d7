import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directory } from '../../../core/src/index.js'
import { findPgTools } from '../../../core/src/postgres/find-pg-tools.js'
import { bundleProgram } from '../bundle-program.js'
import { type ScratchServer, startScratchServer } from '../postgres.js'
import { databaseUrl, openShop, query } from './drill-shop.js'
import type { DrillOrder } from './mortal-drill.js'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

describe('a drill that is killed', () => {
  let folder: string
  /** Not the one that other files share: their drills would clear what these leave. */
  let scratch: ScratchServer
  let server: string
  let source: string
  let mortal: readonly string[]
  let pgTools: DrillOrder['pgTools']

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-killed-test-'))
    scratch = await startScratchServer()
    server = scratch.url()
    mortal = await bundleProgram(at('mortal-drill.ts'), join(folder, 'mortal'))
    pgTools = await findPgTools()
    await query(server, 'create database killed_shop')
    source = databaseUrl(server, 'killed_shop')
    await query(
      source,
      'create table orders (id int primary key, note text)',
      `insert into orders select i, md5(i::text) from generate_series(1, 3000) i`,
      'create index on orders (note)',
      'create table lines (id serial primary key, order_id int references orders)',
      'insert into lines (order_id) select id from orders',
    )
    const lifeboat = await openShop(source, { destinations: { local: { store: directory(join(folder, 'store')) } } })
    await lifeboat.backup('shop')
  })
  afterAll(async () => {
    await scratch?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const start = () => spawn(process.execPath, [...mortal], { stdio: ['pipe', 'pipe', 'inherit'] })

  /** Runs a drill, and kills it after so many events; returns what it said. */
  async function drillUntil(child: ChildProcess, onServer: boolean, events = -1): Promise<string[]> {
    const configured = onServer ? { url: server, name: new URL(server).host } : null
    const order: DrillOrder = { source, store: join(folder, 'store'), scratch: configured, pgTools }
    child.stdin!.end(`${JSON.stringify(order)}\n`)
    const exited = once(child, 'exit')
    const said: string[] = []
    for await (const line of createInterface({ input: child.stdout! })) {
      said.push(line)
      if (said.length !== events) continue
      // Somewhere within the step that was announced: initdb, CREATE DATABASE, pg_restore are under way.
      await sleep(events * 3)
      child.kill('SIGKILL')
    }
    await exited
    return said
  }

  /** Folders and processes of a drill on this machine. */
  async function leftOnMachine(pid: number): Promise<string[]> {
    const name = `lifeboat-drill-${pid}-`
    const left = (await readdir(tmpdir())).filter(one => one.startsWith(name))
    for (const one of await readdir('/proc').catch(() => [])) {
      const words = await readFile(`/proc/${one}/cmdline`, 'utf8').catch(() => '')
      if (words.includes(name) && !words.includes('orphan-guard')) left.push(words.replaceAll('\0', ' '))
    }
    return left
  }

  /** Databases and roles of drills on the configured server. */
  async function leftOnServer(): Promise<string[]> {
    const made = await query<{ name: string }>(
      server,
      `select datname as name from pg_database where datname ~ '^lifeboat_drill' union all select rolname from pg_roles where rolname ~ '^lifeboat_(drill|load)'`,
    )
    return made.map(one => one.name)
  }

  // A whole drill of this shop has about forty events.
  const points = [
    ...[1, 3, 4, 6, 7, 8, 9, 11, 13, 15, 17, 19, 23, 25].map(events => ({ events, onServer: false })),
    ...[8, 9, 10, 13, 16, 20].map(events => ({ events, onServer: true })),
  ]
  /** So many at a time: a part of each is waiting. */
  const together = 3
  const pids: number[] = []
  const said: string[] = []

  it(`dies at ${points.length} points`, async () => {
    const waiting = [...points]
    const killed: string[] = []
    const killSome = async () => {
      let ready: ChildProcess | undefined = start()
      for (let point = waiting.shift(); point !== undefined; point = waiting.shift()) {
        const child = ready ?? start()
        // Ahead of its time: it waits for its order.
        ready = waiting.length >= together ? start() : undefined
        const lines = await drillUntil(child, point.onServer, point.events)
        expect(child.signalCode, lines.join('; ')).toBe('SIGKILL')
        pids.push(child.pid!)
        said.push(...lines)
        killed.push(`${point.events} ${point.onServer}`)
      }
      ready?.kill('SIGKILL')
    }
    await Promise.all(Array.from({ length: together }, killSome))
    expect(killed.sort()).toEqual(points.map(({ events, onServer }) => `${events} ${onServer}`).sort())
  })

  it('leaves nothing that survives the next run, of which two at once leave each other alone', async () => {
    const [first, second] = [start(), start()]
    const [one, two] = await Promise.all([drillUntil(first, false), drillUntil(second, true)])
    expect([one.at(-1), two.at(-1)], [...one, ...two].join('; ')).toEqual([
      'report true ',
      'report true grants-not-compared',
    ])
    // There was something for the runs to clear.
    const warnings = [...said, ...one, ...two].join('\n')
    expect(warnings).toMatch(/lifeboat-drill-\d+.* of a drill that was killed was removed/)
    expect(warnings).toMatch(/lifeboat_drill_[0-9a-f]{16} of a drill that was killed was dropped/)
    expect(await leftOnServer()).toEqual([])
    for (const pid of [...pids, first.pid!, second.pid!]) expect(await leftOnMachine(pid)).toEqual([])
  })
})
