import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LifeboatConfig, memoryStore, type ObjectStore, openLifeboat, secret } from '@lifeboat/core'
import { queueMetrics, renderMetrics } from '@lifeboat/core/metrics'
import type { QueueTotals } from '@lifeboat/core/queue'
import { describe, expect, it } from 'vitest'
import { runPromtool } from '../promtool.js'
import { plantBackup, plantDrill, plantVerification } from '../simulated-fleet.js'

const rules = fileURLToPath(new URL('../../../../docs/prometheus-rules.yml', import.meta.url))
const hour = 3_600_000
/** promtool counts from 1970: this is its now, too. */
const now = new Date('1970-02-20T12:00:00.000Z')
const at = (agoMs: number) => now.getTime() - agoMs

interface Night {
  readonly backupAgo?: number
  readonly verified?: boolean | null
  readonly drillAgo?: number | null
  readonly drillOk?: boolean
}

/** A store as a night leaves it. */
async function night({ backupAgo = 10 * hour, verified = true, drillAgo = 72 * hour, drillOk = true }: Night = {}) {
  const store = memoryStore()
  const manifest = await plantBackup(store, 'shop', at(backupAgo))
  if (verified !== null) await plantVerification(store, manifest, 'local', at(backupAgo - hour), { ok: verified })
  if (drillAgo === null) return store
  const drilled = drillAgo < backupAgo ? manifest : await plantBackup(store, 'shop', at(drillAgo + hour))
  await plantDrill(store, drilled, 'local', at(drillAgo), { ok: drillOk })
  return store
}

async function metricsOf(
  store: ObjectStore,
  changes: Partial<LifeboatConfig['products'][string]> = {},
  readQueue?: () => Promise<QueueTotals>,
) {
  const lifeboat = await openLifeboat(
    {
      products: {
        shop: {
          source: { url: secret.env('NOT_HERE') },
          encryption: { passphrase: secret.env('NOT_HERE') },
          destinations: { local: { store } },
          ...changes,
        },
      },
    },
    { deps: { now: () => now } },
  )
  return renderMetrics(await lifeboat.status(), readQueue === undefined ? [] : [queueMetrics(readQueue)])
}

const down: ObjectStore = {
  ...memoryStore(),
  classify: () => 'store-auth-failed',
  list: () => {
    throw new Error('no access')
  },
}

/** Every sample of a page, as it was all the time; `override` takes the place of a series' values. */
function seriesOf(page: string, override: Readonly<Record<string, string>>): { series: string; values: string }[] {
  const samples = page.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return samples.map(sample => {
    const [, series = '', value = ''] = /^(.*) (\S+)$/.exec(sample)!
    const name = /^\w+/.exec(series)![0]
    return { series, values: override[name] ?? `${value}x210` }
  })
}

/** Which alerts fire now, of all that the rules have, each with what of: promtool fails on one more and on one less. */
async function expectFiring(
  page: string,
  expected: readonly string[],
  override: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-rules-'))
  try {
    const file = join(folder, 'test.yml')
    const firing = {
      expr: 'sum by (alertname, severity, product, destination) (ALERTS{alertstate="firing"})',
      eval_time: `${now.getTime() / hour}h`,
      exp_samples: expected.map(labels => ({ labels, value: 1 })),
    }
    const series = { interval: '6h', input_series: seriesOf(page, override), promql_expr_test: [firing] }
    // YAML reads JSON.
    await writeFile(file, JSON.stringify({ rule_files: [rules], evaluation_interval: '6h', tests: [series] }))
    expect(await runPromtool(['test', 'rules', file])).toEqual({ status: 0, said: expect.stringContaining('SUCCESS') })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const alert = (name: string, severity: string, of = 'product="shop"') =>
  `{alertname="${name}",severity="${severity}",${of}}`
const place = 'product="shop",destination="local"'
const failed = alert('BackupFailed', 'critical', place)
const grave = alert('LifeboatProductCritical', 'critical')

describe('the alert rules, on the metrics of planted stores', () => {
  it('are valid, and the page is one that Prometheus likes', async () => {
    expect(await runPromtool(['check', 'rules', rules])).toEqual({
      status: 0,
      said: expect.stringContaining('SUCCESS'),
    })
    expect(await runPromtool(['check', 'metrics'], await metricsOf(await night()))).toEqual({ status: 0, said: '' })
  })

  it('are silent where all is well', async () => {
    await expectFiring(await metricsOf(await night(), { objectives: { rpo: '24h' } }), [])
  })

  it('fire for a backup older than the RPO, and older than two days', async () => {
    const rpo = { objectives: { rpo: '24h' } }
    await expectFiring(await metricsOf(await night({ backupAgo: 30 * hour }), rpo), [failed, grave])
    await expectFiring(await metricsOf(await night({ backupAgo: 60 * hour }), rpo), [
      ...[failed, grave],
      alert('LifeboatBackupOld', 'critical'),
    ])
  })

  it('fire where there is no backup at all', async () => {
    await expectFiring(await metricsOf(memoryStore()), [failed, grave, alert('LifeboatDrillOverdue', 'warning')])
  })

  it('fire for a schedule that stopped', async () => {
    const schedule = { backup: '0 6 * * *' }
    await expectFiring(await metricsOf(await night(), { schedule }), [failed, grave])
  })

  it('fire for a destination that does not answer', async () => {
    await expectFiring(await metricsOf(down), [
      ...[failed, grave, alert('LifeboatDestinationDown', 'critical', place)],
      alert('LifeboatDrillOverdue', 'warning'),
    ])
  })

  it('fire for a verification that failed, and for none', async () => {
    await expectFiring(await metricsOf(await night({ verified: false })), [
      ...[failed, grave, alert('LifeboatVerificationFailed', 'critical')],
    ])
    await expectFiring(await metricsOf(await night({ verified: null, drillAgo: 300 * hour })), [
      alert('LifeboatBackupUnverified', 'warning', place),
    ])
  })

  it('fire for a drill that failed, is overdue, or never was', async () => {
    await expectFiring(await metricsOf(await night({ drillOk: false, drillAgo: 8 * hour })), [
      ...[failed, grave, alert('LifeboatDrillFailed', 'critical')],
    ])
    const overdue = alert('LifeboatDrillOverdue', 'warning')
    await expectFiring(await metricsOf(await night({ drillAgo: 36 * 24 * hour })), [overdue])
    await expectFiring(await metricsOf(await night({ drillAgo: null })), [overdue])
  })

  it('fire for a queue that nobody works at, and for one that is down, and not for one that is worked at', async () => {
    const withQueue = async (read: () => Promise<QueueTotals>) => metricsOf(await night(), {}, read)
    const of = (oldestWaitingMs: number | null) => async () => ({ runs: { waiting: 4, failed: 1 }, oldestWaitingMs })
    const ofQueue = (name: string) => [alert(name, 'critical', '').replace(',}', '}')]
    expect(await runPromtool(['check', 'metrics'], await withQueue(of(null)))).toEqual({ status: 0, said: '' })
    await expectFiring(await withQueue(of(null)), [])
    await expectFiring(await withQueue(of(0.9 * hour)), [])
    await expectFiring(await withQueue(of(1.1 * hour)), ofQueue('LifeboatQueueStuck'))
    const down = await withQueue(() => Promise.reject(new Error('no answer')))
    expect(down).not.toContain('lifeboat_queue_runs')
    await expectFiring(down, ofQueue('LifeboatQueueDown'))
  })

  it('fire for copies of objects that stopped, and that lack some; and not for those that are well', async () => {
    const encryption = { passphrase: secret.value('correct horse battery staple') }
    const objects = { uploads: { from: memoryStore(), rpo: '24h' } }
    const copied = async (agoMs: number) => {
      const store = await night()
      const source = { url: secret.env('NOT_HERE') }
      const config = { products: { shop: { source, encryption, objects, destinations: { local: { store } } } } }
      await (await openLifeboat(config, { deps: { now: () => new Date(at(agoMs)) } })).copyObjects('shop', 'uploads')
      return metricsOf(store, { objects })
    }
    const page = await copied(5 * hour)
    expect(await runPromtool(['check', 'metrics'], page)).toEqual({ status: 0, said: '' })
    await expectFiring(page, [])
    await expectFiring(page, [alert('LifeboatObjectsMissed', 'warning', place)], { lifeboat_objects_missed: '2x210' })
    await expectFiring(await copied(30 * hour), [grave, alert('LifeboatObjectsFailed', 'critical', place)])
    await expectFiring(await metricsOf(await night(), { objects }), [
      ...[grave, alert('LifeboatObjectsFailed', 'critical', place)],
    ])
  })

  it('fire for a backup that shrank, for a page that is old, and for none', async () => {
    const page = await metricsOf(await night())
    await expectFiring(page, [alert('LifeboatBackupShrank', 'warning', place)], {
      lifeboat_backup_size_bytes: '1000x200 400x10',
    })
    await expectFiring(page, [alert('LifeboatStatusOld', 'critical', '').replace(',}', '}')], {
      lifeboat_status_timestamp_seconds: `${at(13 * hour) / 1000}x210`,
    })
    await expectFiring('', [alert('LifeboatMetricsAbsent', 'critical', '').replace(',}', '}')])
  })
})
