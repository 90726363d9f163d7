import type pg from 'pg'
import { escapeIdentifier } from 'pg'
import type { RunOptions } from '../api/run-options.js'
import type { ProductConfig } from '../config/config-schema.js'
import { connect, databaseError } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import { type CountableTable, resolveCriticalTables } from '../postgres/snapshot-counts.js'
import type { Manifest } from '../repository/manifest.js'
import { type Checked, checked } from '../verify/checked.js'
import { critical, liveObjectMissing, liveQueryFailed, rowsFarFromLive } from '../verify/finding.js'
import { rowsOf } from '../verify/rows-of.js'
import { checkExpectedObjects } from './check-expected-objects.js'
import { runQueries } from './run-queries.js'

/** Counting a gigabyte takes seconds; more would be felt on a live server. */
const defaultCountUpToBytes = 2 ** 30

/** As long as a query of ours may stand in the queue for a table that somebody changes. */
const lockWaitMs = 30_000

/** What the live database says about a backup of it. Nothing it finds counts against the backup itself. */
export async function checkLive(
  manifest: Manifest,
  verify: ProductConfig['verify'],
  source: ConnectionTarget,
  options: RunOptions,
): Promise<Checked[]> {
  const { signal } = options
  const done: Checked[] = []
  const client = await connect(source, signal)
  try {
    // A live database is only looked at: never written, never waited for behind a lock, and never seen through a policy.
    await client.query('begin isolation level repeatable read read only')
    await client.query(`select set_config('lock_timeout', $1, true), set_config('row_security', 'off', true)`, [
      String(lockWaitMs),
    ])
    done.push(...(await checkExpectedObjects(client, verify, { where: 'the live database', code: liveObjectMissing })))
    for (const name of verify.criticalTables) {
      const check = await checkRows(client, manifest, verify, name)
      if (check !== undefined) done.push(check)
    }
  } catch (error) {
    throw databaseError(error, source, signal)
  } finally {
    await client.end()
  }
  const places = { target: source, source: undefined, code: liveQueryFailed, where: 'the live data' }
  return [...done.map(check => ({ ...check, name: `live ${check.name}` })), ...(await liveQueries())]

  async function liveQueries(): Promise<Checked[]> {
    const answered = await runQueries(verify.queries, places, signal)
    return answered.map(check => ({ ...check, name: `live ${check.name}` }))
  }
}

async function checkRows(
  client: pg.Client,
  manifest: Manifest,
  verify: ProductConfig['verify'],
  name: string,
): Promise<Checked | undefined> {
  const tolerance = toleranceOf(verify.rowTolerance, name)
  const backedUp = rowsOf(manifest, name)
  const { present } = await resolveCriticalTables(client, [name])
  // Missing on either side is the finding of another check.
  if (tolerance === undefined || backedUp === undefined || present.length === 0) return undefined
  const { rows, estimated } = await liveRows(client, present, verify.countUpTo ?? defaultCountUpToBytes)
  const off = Math.abs(rows - backedUp) / Math.max(backedUp, 1)
  const detail = `${rows} rows now${estimated ? " (the planner's estimate)" : ''}, ${backedUp} in the backup`
  const message = `${name} has ${detail}: ${percent(off)} off, more than ${percent(tolerance)}`
  const hint = 'see what happened to the table since the backup; correct verify.rowTolerance if it may change so much'
  return checked(`rows of ${name}`, off > tolerance ? [critical(rowsFarFromLive, message, hint)] : [], detail)
}

/** Counts tables of some size, and asks the planner about larger ones: counting these would load the live server. */
async function liveRows(
  client: pg.Client,
  tables: readonly CountableTable[],
  countUpToBytes: number,
): Promise<{ readonly rows: number; readonly estimated: boolean }> {
  let rows = 0
  let estimated = false
  for (const table of tables) {
    const quoted = `${escapeIdentifier(table.schema)}.${escapeIdentifier(table.name)}`
    const size = await client.query<{ bytes: string }>('select pg_relation_size($1::regclass) as bytes', [quoted])
    if (Number(size.rows[0]!.bytes) > countUpToBytes) {
      estimated = true
      const plan = await client.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
        `explain (format json) select from only ${quoted}`,
      )
      rows += plan.rows[0]!['QUERY PLAN'][0].Plan['Plan Rows']
    } else {
      const counted = await client.query<{ n: string }>(`select count(*) as n from only ${quoted}`)
      rows += Number(counted.rows[0]!.n)
    }
  }
  return { rows, estimated }
}

function toleranceOf(configured: ProductConfig['verify']['rowTolerance'], name: string): number | undefined {
  if (configured === undefined || typeof configured === 'number') return configured
  const short = name.startsWith('public.') ? name.slice('public.'.length) : `public.${name}`
  return configured.tables[name] ?? configured.tables[short] ?? configured.default
}

function percent(fraction: number): string {
  return `${Math.round(fraction * 1000) / 10} %`
}
