import type { Lifeboat, SchemaDiff } from '@lifeboat/core'
import { BackupError } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { runCli } from '../testing/fake-io.js'
import { sampleDrill, sampleReport } from '../testing/samples.js'

describe('drill', () => {
  it('drills the latest of every product, and shows the timeline, the proof and the objectives', async () => {
    const asked: unknown[] = []
    const drill: Lifeboat['drill'] = async (name, options) => {
      asked.push([name, options?.destination, options?.proof])
      return sampleDrill()
    }
    const argv = ['drill', '--destination', 'offsite', '--proof', 'content']
    const { status, stdout } = await runCli(argv, { lifeboat: { products: ['shop', 'blog'], drill } })
    expect(status).toBe(0)
    expect(asked).toEqual([
      ['shop/latest', 'offsite', 'content'],
      ['blog/latest', 'offsite', 'content'],
    ])
    expect(stdout.split('\n').slice(0, 9)).toEqual([
      'shop/20261121T020000Z-7f3k9q at local: ok, restored on a server of its own (PostgreSQL 17.5) in 1 min 30 s',
      '      0.0 s      0.1 s  find',
      '      0.1 s  1 min 0 s  fetch, decrypt, check and load, streamed together',
      '  proof by content: 3 tables, 1,234 rows, 30 definitions, 2 sequences (1 table by count only); 0 differences',
      '  the data were 3 h old (RPO 24 h 0 min: kept); the drill took 1 min 30 s (no RTO is configured)',
      '  a restore takes about 1 min 1 s ± 2.0 s, from 3 drills',
      '  left out: EVENT TRIGGER spy (it would run while the drill restores)',
      'shop/20261121T020000Z-7f3k9q at local: ok, restored on a server of its own (PostgreSQL 17.5) in 1 min 30 s',
      '      0.0 s      0.1 s  find',
    ])
  })

  it('ends with status 4 when something differs, and names it', async () => {
    const finding = { severity: 'critical' as const, code: 'rows-differ', message: 'orders has 3 rows', hint: 'look' }
    const ran = await runCli(['drill', 'shop', '--json'], {
      lifeboat: { drill: async () => sampleDrill({ ok: false, findings: [finding] }) },
    })
    expect(ran.status).toBe(4)
    expect(ran.json()).toMatchObject({
      ok: false,
      drills: [{ findings: [finding], record: { kind: 'drill' } }],
      failures: [],
    })
  })

  it('tells a drill that could not be held from one that failed', async () => {
    const drill: Lifeboat['drill'] = async () => {
      throw new BackupError('target-unfit', 'a drill needs about 9 MB', { hint: 'free some space' })
    }
    const ran = await runCli(['drill', '--json'], { lifeboat: { drill } })
    expect(ran.status).toBe(1)
    expect(ran.json()).toMatchObject({ ok: false, drills: [], error: { code: 'target-unfit' } })
  })

  it('takes a backup of one product only', async () => {
    const asked: string[] = []
    const drill: Lifeboat['drill'] = async name => {
      asked.push(name)
      return sampleDrill()
    }
    const lifeboat = { products: ['shop', 'blog'], drill }
    expect((await runCli(['drill', '--backup', 'latest'], { lifeboat })).status).toBe(2)
    expect((await runCli(['drill', 'blog', '--backup', '20261121T020000Z-7f3k9q'], { lifeboat })).status).toBe(0)
    expect(asked).toEqual(['blog/20261121T020000Z-7f3k9q'])
  })
})

describe('verify', () => {
  it('shows a drill as one at level restored, and asks for the live database with --live', async () => {
    const verify: Lifeboat['verify'] = async (_, options) =>
      options?.level === 'restored' ? sampleDrill() : { ...sampleReport(), live: options?.live === true }
    const restored = await runCli(['verify', 'latest', '--level', 'restored'], { lifeboat: { verify } })
    expect(restored.stdout).toContain('proof by content')
    const live = await runCli(['verify', 'latest', '--live', '--json'], { lifeboat: { verify } })
    expect(live.json()).toMatchObject({ reports: [{ live: true }] })
  })
})

describe('diff', () => {
  const diff: SchemaDiff = {
    ...{ product: 'shop', id: '20261121T020000Z-7f3k9q', destination: 'local', createdAt: '2026-11-21T02:00:00.000Z' },
    ...{ source: 'db.example.com:5432/shop', definitionsCompared: true, entries: 30, differences: [] },
  }

  it('ends with 0 without a difference', async () => {
    const { status, stdout } = await runCli(['diff', 'latest'], { lifeboat: { diff: async () => diff } })
    expect(status).toBe(0)
    expect(stdout).toBe(
      'shop/20261121T020000Z-7f3k9q of 2026-11-21 02:00:00Z against db.example.com:5432/shop: no difference in 30 definitions\n',
    )
  })

  it('lists differences and ends with 4', async () => {
    const differences: SchemaDiff['differences'] = [
      { kind: 'added', description: 'TABLE', entry: 'TABLE public.newcomers' },
      { kind: 'missing', description: 'INDEX', entry: 'INDEX public.orders_day' },
      { kind: 'changed', description: 'VIEW', entry: 'VIEW public.open_orders' },
    ]
    const ran = await runCli(['diff', 'latest'], {
      lifeboat: { diff: async () => ({ ...diff, differences, definitionsCompared: false }) },
    })
    expect(ran.status).toBe(4)
    expect(ran.stdout).toMatch(/^\+ TABLE public\.newcomers\n- INDEX public\.orders_day\n~ VIEW public\.open_orders\n/)
    expect(ran.stdout).toContain('by name only')
  })
})

describe('log-table', () => {
  it('prints the migration without a configuration, and applies it where it is told to', async () => {
    const printed = await runCli(['log-table'], { config: null })
    expect(printed.status).toBe(0)
    expect(printed.stdout).toMatch(/^create table if not exists public\.backup_verification_log \(/)
    const applied = await runCli(['log-table', '--apply'], {
      lifeboat: { migrateLog: async (product: string) => ({ product, database: 'db.example.com:5432/shop' }) },
    })
    expect(applied.stdout).toBe('shop: backup_verification_log is in db.example.com:5432/shop\n')
  })
})
