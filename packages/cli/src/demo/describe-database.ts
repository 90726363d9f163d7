import pg from 'pg'
import { descriptionQueries, rowsQuery, sessionSettings } from './description-queries.js'

/** Everything a restore must bring back, as text: kind of object, then its name, then what it is. Plain JSON. */
export interface DatabaseDescription {
  readonly major: number
  readonly objects: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/**
 * Describes a database so that two can be compared: the rows of every table, view and materialized view as a count and
 * a checksum over their text, definitions as the server writes them, sequences' positions, large objects.
 *
 * It shares no code with the backup path on purpose: a mistake there must not hide itself here. Owners, and grants
 * other than to PUBLIC, are left out, because a restore may run as someone else.
 */
export async function describeDatabase(url: string): Promise<DatabaseDescription> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('begin isolation level repeatable read read only')
    for (const setting of sessionSettings) await client.query(setting)
    const { rows: server } = await client.query<{ major: number }>(
      `select current_setting('server_version_num')::int / 10000 as major`,
    )
    const objects: Record<string, Record<string, string>> = {}
    for (const [kind, sql] of Object.entries(descriptionQueries)) {
      const { rows } = await client.query<{ name: string; text: string | null }>(sql)
      objects[kind] = Object.fromEntries(rows.map(row => [row.name, row.text ?? '']))
    }
    objects.rows = await describeRows(client)
    objects.sequence = await describeSequences(client)
    await client.query('commit')
    return { major: server[0]?.major ?? 0, objects }
  } finally {
    await client.end()
  }
}

async function describeRows(client: pg.Client): Promise<Record<string, string>> {
  const { rows: relations } = await client.query<{ name: string; source: string }>(rowsQuery)
  const described: Record<string, string> = {}
  for (const { name, source } of relations) {
    // Sorted by checksum: the order in which rows lie on disk is not part of what they say.
    const { rows } = await client.query<{ count: string; checksum: string }>(
      `select count(*)::text as count,
        encode(sha256(convert_to(coalesce(string_agg(line, '' order by line), ''), 'UTF8')), 'hex') as checksum
      from (select md5(lifeboat_row::text) collate "C" as line from ${source} as lifeboat_row) as lines`,
    )
    described[name] = `${rows[0]?.count} rows, checksum ${rows[0]?.checksum}`
  }
  return described
}

async function describeSequences(client: pg.Client): Promise<Record<string, string>> {
  const { rows: sequences } = await client.query<{ name: string; source: string; settings: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name, format('%I.%I', n.nspname, c.relname) as source,
      format('%s from %s by %s, %s to %s, cache %s, cycle %s', format_type(s.seqtypid, null), s.seqstart, s.seqincrement,
        s.seqmin, s.seqmax, s.seqcache, s.seqcycle) as settings
    from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`,
  )
  const described: Record<string, string> = {}
  for (const { name, source, settings } of sequences) {
    const { rows } = await client.query<{ at: string }>(
      `select format('at %s (called: %s)', last_value, is_called) as at from ${source}`,
    )
    described[name] = `${rows[0]?.at}; ${settings}`
  }
  return described
}
