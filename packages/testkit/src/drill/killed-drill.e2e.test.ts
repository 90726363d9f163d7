import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { sweepScratchDatabases } from '../../../core/src/drill/scratch-database.js'
import { openScratchServer } from '../../../core/src/drill/scratch-server.js'
import { sweepWorkFolders } from '../../../core/src/drill/work-folder.js'
import { directory } from '../../../core/src/index.js'
import type {} from '../provided-postgres.js'
import { databaseUrl, openShop, query } from './drill-shop.js'

const server = inject('postgres').url
const core = fileURLToPath(new URL('../../../core/', import.meta.url))
// Beside core's dependencies, where a built core finds them.
const programs = join(core, 'node_modules', '.killed-drill')

/** A drill in a process of its own, which says every event on a line, and the configuration comes on stdin. */
const program = `
import { writeSync } from 'node:fs'
import { directory, openLifeboat, secret } from './index.js'
const { source, store, scratch } = JSON.parse(process.argv[2])
const drill = scratch ? { url: secret.value(scratch.url), allowSourceServer: scratch.name } : {}
const lifeboat = await openLifeboat({ products: { shop: {
  source: { url: secret.value(source) }, encryption: { passphrase: secret.value('correct horse battery') },
  destinations: { local: { store: directory(store) } }, drill } } })
const report = await lifeboat.drill('shop/latest', { onEvent: event => writeSync(1, event.type + ' ' + (event.step ?? '') + '\\n') })
writeSync(1, 'report ' + report.ok + ' ' + report.findings.map(one => one.code + one.message).join() + '\\n')
`

describe('a drill that is killed', () => {
  let folder: string
  let source: string

  beforeAll(async () => {
    await build({
      ...{ entry: [join(core, 'src/index.ts')], outDir: programs, format: 'esm', target: 'node20' },
      // Everything that has the name of a package is one.
      external: [/^[a-z@]/],
      ...{ config: false, silent: true, clean: true, dts: false },
    })
    await writeFile(join(programs, 'package.json'), '{"type":"module"}')
    await writeFile(join(programs, 'drill.mjs'), program)
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
    const job = JSON.stringify({ source, store: join(folder, 'store'), scratch })
    return spawn(process.execPath, [join(programs, 'drill.mjs'), job], { stdio: ['ignore', 'pipe', 'inherit'] })
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
