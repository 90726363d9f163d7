import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StatusFinding, StatusReport } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { runCli } from '../testing/fake-io.js'

const hour = 3_600_000

function sample(findings: readonly StatusFinding[] = []): StatusReport {
  const state = findings.some(one => one.severity === 'critical') ? 'critical' : findings.length > 0 ? 'warning' : 'ok'
  return {
    ...{ version: 1, checkedAt: '2026-11-21T12:00:00.000Z', state },
    products: [
      {
        ...{ product: 'shop', state, findings, objects: [], lastDrill: null },
        destinations: [
          {
            ...{ destination: 'local', location: '/backups', reachable: true, backups: 31 },
            newest: {
              ...{ id: '20261121T020000Z-7f3k9q', createdAt: '2026-11-21T02:00:00.000Z', ageMs: 10 * hour },
              ...{ storedBytes: 12_000_000, rows: 1234, durationMs: 12_000, verified: true },
            },
          },
          { destination: 'offsite', location: 's3://shop', reachable: false, backups: 0, newest: null },
        ],
        lastVerification: {
          ...{ id: '20261121T020000Z-7f3k9q', destination: 'local', at: '2026-11-21T05:00:00.000Z', ok: true },
          level: 'content',
        },
        nextRun: { job: 'backup', at: '2026-11-22T02:00:00.000Z' },
      },
    ],
  }
}

const finding = (severity: StatusFinding['severity']): StatusFinding => ({
  ...{ product: 'shop', severity, code: 'store-unreachable', subject: 'offsite', message: 'offsite did not answer' },
  ...{ hint: '`lifeboat doctor` tries each store', since: '2026-11-21T06:00:00.000Z' },
})

describe('status', () => {
  it('says in short lines how a product is', async () => {
    const ran = await runCli(['status'], { lifeboat: { status: async () => sample([finding('critical')]) } })
    expect(ran.stdout).toBe(`shop: critical
  local     10 h old, 11.4 MB, proven; 31 backups
  offsite   does not answer
  verified  passed 7 h ago at local
  drilled   never
  next run  backup at 2026-11-22 02:00:00Z
  critical store-unreachable (since 6 h)
    offsite did not answer
    hint: \`lifeboat doctor\` tries each store
`)
  })

  it('says how sets of objects are, below the backups', async () => {
    const report = sample()
    const [shop] = report.products
    const newest = {
      ...{ id: '20261121T030000Z-7f3k9q', createdAt: '2026-11-21T03:00:00.000Z', ageMs: 9 * hour, objects: 1234 },
      ...{
        plainBytes: 12_000_000,
        storedBytes: 13_000_000,
        addedBytes: 4000,
        missed: 2,
        durationMs: 1,
        verified: true,
      },
    }
    const at = { id: newest.id, destination: 'local', at: '2026-11-21T05:00:00.000Z', ok: true, level: 'content' }
    const far = { location: 's3://shop', reachable: false, snapshots: 0, newest: null, lastVerification: null }
    const uploads = {
      ...{
        set: 'uploads',
        source: 's3://uploads',
        rpoMs: null,
        nextRun: { job: 'copy:uploads', at: '2026-11-22T03:00:00.000Z' },
      },
      destinations: [
        ...[
          {
            destination: 'local',
            location: '/x',
            reachable: true,
            snapshots: 9,
            newest,
            lastVerification: { ...at, sample: 1 },
          },
        ],
        ...[
          { destination: 'offsite', ...far },
          { destination: 'new', ...far, reachable: true },
        ],
      ],
    }
    const status = async () => ({ ...report, products: [{ ...shop!, objects: [uploads] }] })
    const ran = await runCli(['status'], { lifeboat: { status } })
    expect(ran.stdout).toContain(`
  objects uploads (next copy:uploads at 2026-11-22 03:00:00Z)
    local    9 h old, 1,234 objects, 11.4 MB, 2 missed, proven; 9 snapshots; verified 7 h ago
    offsite  does not answer
    new      never copied
`)
  })

  it.each([
    [0, []],
    [3, [finding('warning')]],
    [4, [finding('warning'), finding('critical')]],
  ])('ends with %s', async (status, findings) => {
    const asked: unknown[] = []
    const read = async (options?: { products?: readonly string[] | undefined }) => {
      asked.push(options?.products)
      return sample(findings)
    }
    const ran = await runCli(['status', 'shop', '--json'], { lifeboat: { status: read } })
    expect(ran.status).toBe(status)
    expect(asked).toEqual([['shop']])
    expect(ran.json()).toMatchObject({ version: 1, products: [{ product: 'shop' }] })
  })

  it('refuses a product that is not configured', async () => {
    expect((await runCli(['status', 'blog'])).status).toBe(2)
  })
})

describe('metrics', () => {
  const lifeboat = { status: async () => sample([finding('critical')]) }

  it('prints the page, and ends well whatever it says', async () => {
    const ran = await runCli(['metrics'], { lifeboat })
    expect(ran.status).toBe(0)
    expect(ran.stdout).toContain('# TYPE backup_success gauge')
    expect(ran.stdout).toContain('lifeboat_backup_success{product="shop",destination="offsite"} 0')
    expect(ran.stdout).toContain('lifeboat_backup_age_seconds{product="shop",destination="local"} 36000')
    expect(ran.stdout).not.toContain('lifeboat_drill_success{')
  })

  it('writes a textfile whole, and nothing beside it', async () => {
    const look = async (cwd: string) => {
      expect((await readdir(cwd)).sort()).toEqual(['lifeboat.config.mjs', 'shop.prom'])
      expect(await readFile(join(cwd, 'shop.prom'), 'utf8')).toMatch(/^lifeboat_product_state{product="shop"} 2$/m)
    }
    const ran = await runCli(['metrics', '--textfile', 'shop.prom'], { lifeboat }, look)
    expect([ran.status, ran.stdout]).toEqual([0, `written to ${join(ran.cwd, 'shop.prom')}\n`])
  })

  it('says why a textfile cannot be written, and leaves nothing', async () => {
    const look = async (cwd: string) => expect(await readdir(cwd)).toEqual(['lifeboat.config.mjs'])
    const ran = await runCli(['metrics', '--textfile', 'none/shop.prom'], { lifeboat }, look)
    expect(ran.status).toBe(1)
    expect(ran.stderr).toMatch(/cannot write .*shop\.prom: ENOENT/)
  })
})
