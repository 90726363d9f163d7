import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { sweepScratchDatabases } from '../../../core/src/drill/scratch-database.js'
import { openScratchServer } from '../../../core/src/drill/scratch-server.js'
import { sweepWorkFolders } from '../../../core/src/drill/work-folder.js'
import { directory } from '../../../core/src/index.js'
import { bundleProgram } from '../bundle-program.js'
import type {} from '../provided-postgres.js'
import type { DrillOrder } from './drill-run.js'
import { databaseUrl, openShop, query } from './drill-shop.js'

const server = inject('postgres').url
const core = fileURLToPath(new URL('../../../core/', import.meta.url))
// Below core, whose server binaries are looked for from there.
const programs = join(core, 'node_modules', '.killed-drill')

describe('a drill that is killed', () => {
  let folder: string
  let program: readonly string[]
  let source: string

  beforeAll(async () => {
    program = await bundleProgram(fileURLToPath(new URL('drill-run.ts', import.meta.url)), programs)
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-killed-test-'))
    await query(databaseUrl(server, 'postgres'), 'drop database if exists killed_shop with (force)')
    await query(databaseUrl(server, 'postgres'), 'create database killed_shop')
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
    await rm(folder, { recursive: true, force: true })
    await rm(programs, { recursive: true, force: true })
    await query(databaseUrl(server, 'postgres'), 'drop database if exists killed_shop with (force)')
  })

  function start(onServer: boolean): ChildProcess {
    const scratch = onServer ? { url: server, name: new URL(server).host } : undefined
    const order: DrillOrder = { source, store: join(folder, 'store'), scratch }
    return spawn(process.execPath, program, {
      env: { ...process.env, DRILL_ORDER: JSON.stringify(order) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  /** Runs a drill and kills it after so many events; returns what it said. */
  async function drillUntil(child: ChildProcess, events: number, delayMs = 0): Promise<string[]> {
    const exited = once(child, 'exit')
    const said: string[] = []
    for await (const line of createInterface({ input: child.stdout! })) {
      said.push(line)
      if (said.length !== events) continue
      await sleep(delayMs)
      child.kill('SIGKILL')
    }
    await exited
    return said
  }

  /** What the next run does first. */
  async function nextRun(onServer: boolean): Promise<void> {
    await sweepWorkFolders()
    if (!onServer) return
    const opened = await openScratchServer(
      { kind: 'server', url: server, allowSourceServer: new URL(server).host, maxBytes: undefined },
      { databaseBytes: 0, sourceMajor: 0, workFolder: folder, source: undefined, signal: undefined },
    )
    await sweepScratchDatabases(opened)
  }

  async function leftovers(pid: number, onServer: boolean): Promise<string[]> {
    const name = `lifeboat-drill-${pid}-`
    const left = (await readdir(tmpdir())).filter(one => one.startsWith(name))
    for (const one of await readdir('/proc').catch(() => [])) {
      const words = await readFile(`/proc/${one}/cmdline`, 'utf8').catch(() => '')
      if (words.includes(name) && !words.includes('orphan-guard')) left.push(words.replaceAll('\0', ' '))
    }
    if (!onServer) return left
    const made = await query<{ name: string }>(
      server,
      `select datname as name from pg_database where datname ~ '^lifeboat_drill' union all select rolname from pg_roles where rolname ~ '^lifeboat_(drill|load)'`,
    )
    return [...left, ...made.map(one => one.name)]
  }

  // A whole drill of this shop has about forty events.
  const points = [
    ...[1, 3, 4, 6, 7, 8, 9, 11, 13, 15, 17, 19, 23, 25].map(events => [events, 'a server of its own', false] as const),
    ...[8, 9, 10, 13, 16, 20].map(events => [events, 'a configured server', true] as const),
  ]

  it.each(points)('after %i events on %s leaves nothing that survives the next run', async (events, _, onServer) => {
    // Somewhere within the step that was announced: initdb, CREATE DATABASE, pg_restore are under way.
    const child = start(onServer)
    const said = await drillUntil(child, events, events * 7)
    expect(child.signalCode, said.join('; ')).toBe('SIGKILL')
    await nextRun(onServer)
    // A statement that was under way when its client died ends first, and a guard may be at work on the same folder.
    for (let tries = 0; tries < 100 && (await leftovers(child.pid!, onServer)).length > 0; tries++) {
      await sleep(50)
      await nextRun(onServer)
    }
    expect(await leftovers(child.pid!, onServer)).toEqual([])
  })

  it('is not held against the next one, and a drill that lives is left alone', async () => {
    const first = start(false)
    const second = start(true)
    const [one, two] = await Promise.all([drillUntil(first, -1), drillUntil(second, -1)])
    expect([one.at(-1), two.at(-1)]).toEqual([
      'report true ',
      expect.stringMatching(/^report true grants-not-compared/),
    ])
    expect(await leftovers(first.pid!, false)).toEqual([])
    expect(await leftovers(second.pid!, true)).toEqual([])
  })
})
