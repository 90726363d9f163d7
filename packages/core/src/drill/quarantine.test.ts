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

const cron = entry('EXTENSION', 'pg_cron')
const net = entry('EXTENSION', 'pg_net')
const trgm = entry('EXTENSION', 'pg_trgm')
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
// Jobs and requests are rows of tables that belong to the extensions; pg_dump writes them as such.
const rows = [
  ...[entry('TABLE DATA', 'job', 'cron', [cron]), entry('TABLE DATA', 'job_run_details', 'cron', [cron])],
  ...[entry('SEQUENCE SET', 'jobid_seq', 'cron', [cron]), entry('TABLE DATA', 'http_request_queue', 'net', [net])],
]
const about = entry('COMMENT', 'EXTENSION pg_cron', null, [cron])
const toc = { entries: [cron, about, net, trgm, orders, ...acting, ...rows] } as unknown as TableOfContents

const left = (allowed: readonly string[] = []) =>
  selectEntries(toc, [quarantine(allowed)]).skipped.map(one => `${describeEntry(one.entry)}: ${one.reason}`)

describe('the quarantine of a drill', () => {
  it('leaves out everything that acts by itself or reaches outward, each with a line', () => {
    expect(left()).toEqual([
      'EXTENSION pg_cron: it reaches outward or starts jobs by itself',
      'COMMENT on EXTENSION pg_cron: it needs EXTENSION pg_cron, which is left out',
      'EXTENSION pg_net: it reaches outward or starts jobs by itself',
      'EVENT TRIGGER watching: it would run while the drill restores',
      'SUBSCRIPTION incoming: it would connect to its publisher',
      'SUBSCRIPTION TABLE incoming orders: it would connect to its publisher',
      'PUBLICATION outgoing: nobody subscribes to a drill',
      'PUBLICATION TABLE public.outgoing orders: nobody subscribes to a drill',
      'PUBLICATION TABLES IN SCHEMA outgoing public: nobody subscribes to a drill',
      'SERVER elsewhere: it leads to another server',
      'USER MAPPING USER MAPPING public SERVER elsewhere: it holds a login of another server',
      'TABLE DATA cron.job: it needs EXTENSION pg_cron, which is left out',
      'TABLE DATA cron.job_run_details: it needs EXTENSION pg_cron, which is left out',
      'SEQUENCE SET cron.jobid_seq: it needs EXTENSION pg_cron, which is left out',
      'TABLE DATA net.http_request_queue: it needs EXTENSION pg_net, which is left out',
    ])
  })

  it('keeps an extension that is allowed, and its rows, and no other', () => {
    const lines = left(['pg_cron']).join('\n')
    expect(lines).not.toContain('cron')
    expect(lines).toContain('EXTENSION pg_net')
  })
})
