import type pg from 'pg'
import type { Finding } from '../api/verification.js'
import type { QualityQuery } from '../config/verify-schema.js'
import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { connect, databaseError } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import { type Checked, checked } from '../verify/checked.js'
import { critical } from '../verify/finding.js'

/** So many rows tell enough; a query that answers more is compared by these. */
const maxRows = 10_000
const lockWaitMs = 5_000
const defaultTimeoutMs = 30_000

/**
 * Asks a database the data-quality queries, each in a read-only transaction of its own with its timeout.
 * @param source where `equal to source` asks for comparison; without it such a query is passed over
 * @param code of a finding: it says which database was asked
 */
export async function runQueries(
  queries: readonly QualityQuery[],
  places: {
    readonly target: ConnectionTarget
    readonly source: ConnectionTarget | undefined
    readonly code: string
    readonly where: string
  },
  signal?: AbortSignal,
): Promise<Checked[]> {
  if (queries.length === 0) return []
  const done: Checked[] = []
  const client = await connect(places.target, signal)
  let source: pg.Client | undefined
  let unreachable: BackupError | undefined
  try {
    for (const query of queries) {
      const name = `query ${query.name}`
      if (query.expect === 'equal to source' && places.source === undefined) continue
      try {
        const answer = await ask(client, query)
        if (query.expect !== 'equal to source') done.push(judge(query, answer, places))
        else {
          const expected = await askSource(query)
          const failed = expected instanceof BackupError
          done.push(failed ? notCompared(query, expected) : judgeEqual(query, answer, expected, places))
        }
      } catch (error) {
        throwIfCancelled(signal)
        const { message } = databaseError(error, places.target, signal)
        const what = `the query ${JSON.stringify(query.name)} failed on ${places.where}: ${message}`
        const hint = 'run it by hand; correct it in verify.queries, or raise its timeout (30s, where none is set)'
        done.push(checked(name, [critical(places.code, what, hint)], 'it failed'))
      }
    }
    return done
  } catch (error) {
    throw databaseError(error, places.target, signal)
  } finally {
    await Promise.allSettled([client.end(), source?.end()])
  }

  /** What the source answers, or why it does not; one that cannot be reached is not tried for every query. */
  async function askSource(query: QualityQuery): Promise<(string | null)[][] | BackupError> {
    if (unreachable !== undefined) return unreachable
    try {
      source ??= await connect(places.source!, signal)
      return await ask(source, query)
    } catch (error) {
      throwIfCancelled(signal)
      const failure = databaseError(error, places.source!, signal)
      if (source === undefined) unreachable = failure
      return failure
    }
  }
}

/** In the disaster that a drill rehearses the source does not answer: that says nothing against the backup. */
function notCompared({ name }: QualityQuery, { message }: BackupError): Checked {
  const finding: Finding = {
    ...{ severity: 'warning', code: 'query-not-compared' },
    message: `the query ${JSON.stringify(name)} was not compared with the source: ${message}`,
    hint: 'see whether the source answers: `lifeboat doctor`; the data were asked, and answered',
  }
  return checked(`query ${name}`, [finding], 'the source did not answer')
}

/** Runs one statement that can change nothing, and returns its rows as texts. */
async function ask(client: pg.Client, query: QualityQuery): Promise<(string | null)[][]> {
  await client.query('begin isolation level repeatable read read only')
  try {
    await client.query(
      `select set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
              set_config('search_path', 'public, pg_catalog', true), set_config('row_security', 'off', true)`,
      [String(query.timeout ?? defaultTimeoutMs), String(lockWaitMs)],
    )
    // The extended protocol takes one statement and no more, so the query cannot end the transaction.
    const { rows } = await client.query<unknown[]>({
      text: query.sql,
      values: [],
      rowMode: 'array',
      queryMode: 'extended',
      types: { getTypeParser: () => (value: string) => value },
    } as pg.QueryArrayConfig & { queryMode: 'extended' })
    return rows.slice(0, maxRows) as (string | null)[][]
  } finally {
    await client.query('rollback').catch(() => {
      // The session is gone; the error at hand says so.
    })
  }
}

function judge(
  query: QualityQuery,
  rows: readonly (string | null)[][],
  places: { code: string; where: string },
): Checked {
  const { name, expect } = query
  const failed = (what: string) =>
    checked(
      `query ${name}`,
      [
        critical(
          places.code,
          `${JSON.stringify(name)} on ${places.where}: ${what}`,
          'run the query by hand and see which rows it means',
        ),
      ],
      what,
    )
  if (expect === 'no rows') {
    if (rows.length === 0) return checked(`query ${name}`, [], 'no rows')
    return failed(`${rows.length === maxRows ? `${maxRows} or more` : rows.length} rows where none was expected`)
  }
  const value = rows[0]?.[0]
  const number = Number(value)
  if (rows.length !== 1 || value === null || value === undefined || value.trim() === '' || Number.isNaN(number))
    return failed(
      `expected one number, got ${rows.length === 1 ? JSON.stringify(value ?? null) : `${rows.length} rows`}`,
    )
  if (typeof expect === 'number')
    return number === expect ? checked(`query ${name}`, [], value) : failed(`${value}, expected ${expect}`)
  const { min = -Infinity, max = Infinity } = expect as { min?: number; max?: number }
  if (number >= min && number <= max) return checked(`query ${name}`, [], value)
  return failed(
    `${value}, expected ${min === -Infinity ? '' : `at least ${min}`}${min !== -Infinity && max !== Infinity ? ' and ' : ''}${max === Infinity ? '' : `at most ${max}`}`,
  )
}

function judgeEqual(
  { name }: QualityQuery,
  rows: readonly (string | null)[][],
  source: readonly (string | null)[][],
  places: { code: string; where: string },
): Checked {
  if (JSON.stringify(rows) === JSON.stringify(source)) return checked(`query ${name}`, [], `${rows.length} rows, equal`)
  const shown = (answer: readonly (string | null)[][]) =>
    answer.length === 1 && answer[0]!.length === 1 ? JSON.stringify(answer[0]![0]) : `${answer.length} rows`
  const what = `${shown(rows)}, the source answers ${shown(source)}`
  return checked(
    `query ${name}`,
    [
      critical(
        places.code,
        `${JSON.stringify(name)} on ${places.where}: ${what}`,
        'did the source change since the backup?',
      ),
    ],
    what,
  )
}
