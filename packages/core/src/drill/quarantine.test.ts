import { describe, expect, it } from 'vitest'
import type { ArchiveEntry, TableOfContents } from '../archive/archive-header.js'
import { describeEntry, selectEntries } from '../restore/select-entries.js'
import { quarantine } from './quarantine.js'

let lastId = 0
function entry(
  description: string,
  tag: string,
  namespace: string | null = null,
  needs: readonly ArchiveEntry[] = [],
): ArchiveEntry {
  lastId += 1
  return {
    ...{ dumpId: lastId, hasData: false, tag, description, section: 'pre-data', definition: '', dropStatement: '' },
    ...{ copyStatement: null, namespace, owner: null, dependencies: needs.map(one => one.dumpId) },
  }
}

const madeIn = (schema: string, extension: ArchiveEntry): ArchiveEntry => ({
  ...extension,
  definition: `CREATE EXTENSION IF NOT EXISTS ${extension.tag} WITH SCHEMA ${schema};`,
})
const cron = madeIn('pg_catalog', entry('EXTENSION', 'pg_cron'))
const net = madeIn('extensions', entry('EXTENSION', 'pg_net'))
const wrappers = madeIn('"Odd ""S"', entry('EXTENSION', 'wrappers'))
const trgm = madeIn('extensions', entry('EXTENSION', 'pg_trgm'))
/** What an extension made itself is not in the archive; what belongs to it depends on it all the same. */
const absent = (tag: string, namespace: string) => entry('TABLE', tag, namespace)
const elsewhere = entry('SERVER', 'elsewhere')
const login = entry('USER MAPPING', 'USER MAPPING public SERVER elsewhere', null, [elsewhere])
const orders = entry('TABLE', 'orders', 'public')
const incoming = entry('SUBSCRIPTION', 'incoming')
const outgoing = entry('PUBLICATION', 'outgoing')
const acting = [
  ...[entry('EVENT TRIGGER', 'watching'), incoming, entry('SUBSCRIPTION TABLE', 'incoming orders', null, [incoming])],
  ...[outgoing, entry('PUBLICATION TABLE', 'outgoing orders', 'public', [outgoing, orders])],
  ...[entry('PUBLICATION TABLES IN SCHEMA', 'outgoing public', null, [outgoing]), elsewhere, login],
]
const job = absent('job', 'cron')
// Jobs and requests are rows of tables that belong to the extensions; pg_dump writes them as such.
const rows = [
  ...[entry('TABLE DATA', 'job', 'cron', [job]), entry('ACL', 'TABLE job', 'cron', [job])],
  ...[entry('ACL', 'SCHEMA cron', null, [absent('', 'cron')]), entry('FUNCTION', 'mine()', 'cron', [cron])],
  ...[entry('SEQUENCE SET', 'jobid_seq', 'cron', [absent('jobid_seq', 'cron')])],
  ...[entry('TABLE DATA', 'http_request_queue', 'net', [absent('http_request_queue', 'net')])],
  ...[entry('TABLE DATA', 'stats', 'Odd "S', [absent('stats', 'Odd "S')])],
]
// Of an extension that stays, or of one that nobody can tell.
const keptRows = [
  ...[entry('TABLE DATA', 'words', 'extensions', [absent('words', 'extensions')])],
  ...[entry('TABLE DATA', 'chunk', '_timescaledb_catalog', [absent('chunk', '_timescaledb_catalog')])],
  ...[entry('TABLE DATA', 'orders', 'public', [orders])],
]
const about = entry('COMMENT', 'EXTENSION pg_cron', null, [cron])
const all = [cron, about, net, wrappers, trgm, orders, ...acting, ...rows, ...keptRows]
const toc = { entries: all } as unknown as TableOfContents

const left = (allowed: readonly string[] = []) =>
  selectEntries(toc, [quarantine(allowed)]).skipped.map(one => `${describeEntry(one.entry)}: ${one.reason}`)

describe('the quarantine of a drill', () => {
  it('leaves out everything that acts by itself or reaches outward, each with a line', () => {
    expect(left()).toEqual([
      'EXTENSION pg_cron: it reaches outward or starts jobs by itself',
      'COMMENT on EXTENSION pg_cron: it needs EXTENSION pg_cron, which is left out',
      'EXTENSION pg_net: it reaches outward or starts jobs by itself',
      'EXTENSION wrappers: it reaches outward or starts jobs by itself',
      'EVENT TRIGGER watching: it would run while the drill restores',
      'SUBSCRIPTION incoming: it would connect to its publisher',
      'SUBSCRIPTION TABLE incoming orders: it would connect to its publisher',
      'PUBLICATION outgoing: nobody subscribes to a drill',
      'PUBLICATION TABLE public.outgoing orders: nobody subscribes to a drill',
      'PUBLICATION TABLES IN SCHEMA outgoing public: nobody subscribes to a drill',
      'SERVER elsewhere: it leads to another server',
      'USER MAPPING USER MAPPING public SERVER elsewhere: it holds a login of another server',
      'TABLE DATA cron.job: it needs EXTENSION pg_cron, which is left out',
      'ACL on TABLE job in cron: it needs EXTENSION pg_cron, which is left out',
      'ACL on SCHEMA cron: it needs EXTENSION pg_cron, which is left out',
      'FUNCTION cron.mine(): it needs EXTENSION pg_cron, which is left out',
      'SEQUENCE SET cron.jobid_seq: it needs EXTENSION pg_cron, which is left out',
      'TABLE DATA net.http_request_queue: it needs EXTENSION pg_net, which is left out',
      'TABLE DATA Odd "S.stats: it needs EXTENSION wrappers, which is left out',
    ])
  })

  it('leaves out what any extension made where none stays', () => {
    const unknown = entry('TABLE DATA', 'things', 'theirs', [absent('things', 'theirs')])
    const { skipped } = selectEntries({ entries: [cron, unknown, orders] } as unknown as TableOfContents, [
      quarantine(),
    ])
    expect(skipped.map(one => one.entry)).toEqual([cron, unknown])
  })

  it('keeps an extension that is allowed, and its rows, and no other', () => {
    const lines = left(['pg_cron']).join('\n')
    expect(lines).not.toContain('cron')
    expect(lines).toContain('EXTENSION pg_net')
  })
})
