import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ObjectStore } from '../../core/src/store/object-store.js'
import { readWhole } from '../../core/src/streams/byte-source.js'
import { writeLine } from './leaks/leak-record.js'
import { type HostProcess, type Hosts, hostsOn } from './two-hosts.js'

/** Where the hosts of these tests meet. */
export interface MeetingPlace {
  /** The address of a server's superuser. */
  readonly serverUrl: string
  readonly store: ObjectStore
  /** The same store as an expression for the hosts' own configuration. */
  readonly storeText: string
  readonly env?: Readonly<Record<string, string>>
}

/**
 * What two real processes do to each other over one store. A backup is held in its dump by a table lock of the test, so
 * nothing here depends on who is faster.
 */
export function locksBetweenHosts(name: string, prepare: () => Promise<MeetingPlace>): void {
  describe(`two hosts over ${name}`, () => {
    let place: MeetingPlace
    let hosts: Hosts
    const databases = ['hosts_one', 'hosts_two']
    const urlOf = (database: string) => Object.assign(new URL(place.serverUrl), { pathname: `/${database}` }).href

    beforeAll(async () => {
      place = await prepare()
      hosts = await hostsOn(place.storeText, place.env)
      for (const database of databases) {
        await query('postgres', `create database ${database}`)
        await query(database, 'create table orders as select generate_series(1, 1000) as id')
      }
    })
    afterAll(async () => {
      await hosts?.close()
      for (const database of databases) await query('postgres', `drop database if exists ${database} with (force)`)
    })

    it('of two that start at once one makes the backup, and the other ends with 11', async () => {
      await raceOf('hosts_one', 'hosts_one')
    })

    it('also where they dump two servers: then the store alone keeps them apart', async () => {
      await raceOf('hosts_one', 'hosts_two')
    })

    it('a holder that is killed blocks for its lease, and no longer', async () => {
      const leaseMs = 4_000
      const held = await holdDumps(['hosts_one'])
      const holder = hosts.backupWithLease(urlOf('hosts_one'), leaseMs)
      const lock = await readLock()
      holder.child.kill('SIGKILL')
      await holder.ended
      await held.letGo()
      const expiresMs = Date.parse(lock.expiresAt)
      // From another server: the database's own lock went with the holder's session.
      const refused = await hosts.backupWithLease(urlOf('hosts_two'), leaseMs).ended
      const stillHeld = Date.now() < expiresMs
      if (stillHeld) {
        expect(refused.status).toBe(11)
        expect(refused.said).toContain(`process ${holder.child.pid}`)
        expect(refused.said).toContain(lock.expiresAt)
      }
      await sleep(Math.max(0, expiresMs - Date.now()))
      const next = await hosts.backupWithLease(urlOf('hosts_two'), leaseMs).ended
      expect(next.status, next.said).toBe(0)
      expect(await keys('shop/locks/')).toEqual([])
    })

    async function raceOf(one: string, two: string): Promise<void> {
      const before = (await keys('shop/')).filter(isManifest).length
      const held = await holdDumps([one, two])
      const both = [hosts.backup(urlOf(one)), hosts.backup(urlOf(two))]
      const first = await Promise.race(both.map(endOf))
      expect(first.status, first.said).toBe(11)
      expect(first.said).toMatch(/shop is locked by /)
      const winner = both.find(process => process !== first.process)!
      await noteArguments(winner)
      await held.letGo()
      const second = await winner.ended
      expect(second.status, second.said).toBe(0)
      const left = await keys('shop/')
      expect(left.filter(isManifest)).toHaveLength(before + 1)
      expect(left.filter(key => key.includes('/locks/'))).toEqual([])
    }

    /** What everybody on the machine may read of a backup that is under way: for the search for secrets at the end. */
    async function noteArguments({ child }: HostProcess): Promise<void> {
      // Only Linux lists the children of a process.
      if (!existsSync(`/proc/${process.pid}/task/${process.pid}/children`)) return
      let started: readonly string[] = []
      for (; !started.some(one => one.includes('pg_dump')); await sleep(20)) started = await argumentsBelow(child.pid!)
      for (const text of started) writeLine({ kind: 'argv', from: 'a child of the built command line', text })
    }

    /** Keeps every dump of the databases waiting for its first table. */
    async function holdDumps(names: readonly string[]): Promise<{ letGo(): Promise<void> }> {
      const clients: pg.Client[] = []
      for (const database of new Set(names)) {
        const client = new pg.Client(urlOf(database))
        await client.connect()
        await client.query('begin; lock table orders in access exclusive mode')
        clients.push(client)
      }
      return {
        letGo: async () => {
          for (const client of clients) await client.end()
        },
      }
    }

    async function readLock(): Promise<{ readonly expiresAt: string }> {
      for (;;) {
        if ((await place.store.head('shop/locks/change.json')) !== undefined)
          return JSON.parse((await readWhole(place.store.get('shop/locks/change.json'), 10_000)).toString())
        await sleep(20)
      }
    }

    async function keys(prefix: string): Promise<string[]> {
      const found: string[] = []
      for await (const { key } of place.store.list(prefix)) found.push(key)
      return found
    }

    async function query(database: string, sql: string): Promise<void> {
      const client = new pg.Client(urlOf(database))
      await client.connect()
      try {
        await client.query(sql)
      } finally {
        await client.end()
      }
    }
  })
}

/** The arguments of a process and of everything that it started. */
async function argumentsBelow(pid: number): Promise<string[]> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
  // A backup starts pg_dump from a thread of its own, and Linux lists children by the thread that started them.
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const lists = await Promise.all(threads.map(thread => read(`task/${thread}/children`)))
  const children = lists.flatMap(list => list.split(' ').filter(one => one !== ''))
  const below = await Promise.all(children.map(one => argumentsBelow(Number(one))))
  return [(await read('cmdline')).replaceAll('\0', ' '), ...below.flat()]
}

function isManifest(key: string): boolean {
  return key.endsWith('/manifest.json')
}

async function endOf(process: HostProcess) {
  return { process, ...(await process.ended) }
}
