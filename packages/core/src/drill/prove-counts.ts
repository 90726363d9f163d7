import type pg from 'pg'
import { escapeIdentifier } from 'pg'
import type { Finding } from '../api/verification.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { connect, databaseError } from '../postgres/connection.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import type { Manifest } from '../repository/manifest.js'
import type { EntrySelection } from '../restore/select-entries.js'
import { critical } from '../verify/finding.js'
import { inBoth, type Proof } from './prove-content.js'

/** The cheaper proof: counts every table of a restored database and compares with the manifest. */
export async function proveCounts(work: {
  readonly manifest: Manifest
  readonly selection: EntrySelection | undefined
  readonly url: string
  readonly signal: AbortSignal | undefined
}): Promise<Proof> {
  const { manifest, selection, signal } = work
  const loaded =
    selection && new Set(selection.kept.map(entry => `${entry.description} ${entry.namespace}.${entry.tag}`))
  const tables = (manifest.tables ?? []).filter(
    table => loaded === undefined || loaded.has(`TABLE DATA ${table.schema}.${table.name}`),
  )
  const findings: Finding[] = []
  const target = parseConnectionUrl(work.url)
  const client = await connect(target, signal)
  let rows = 0
  try {
    // Rather an error than the rows that a policy lets through.
    await client.query('set row_security = off')
    for (const table of tables) {
      throwIfCancelled(signal)
      const name = `${table.schema}.${table.name}`
      const found = await countTable(client, table)
      rows += found ?? 0
      if (found === undefined)
        findings.push(critical('table-missing', `${name} is missing in the restored database`, inBoth))
      else if (found !== table.rows)
        findings.push(
          critical(
            'rows-differ',
            `${name} has ${found} rows in the restored database, ${table.rows} in the backup`,
            inBoth,
          ),
        )
    }
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
  const none = { sequences: 0, largeObjects: 0, entries: 0 }
  return { ...none, tables: tables.length, rows, countedOnly: tables.length, findings }
}

/** Rows of a table itself, without those of its children; undefined where there is no such table. */
export async function countTable(
  client: pg.Client,
  table: { readonly schema: string; readonly name: string },
): Promise<number | undefined> {
  const quoted = `${escapeIdentifier(table.schema)}.${escapeIdentifier(table.name)}`
  const known = await client.query<{ known: boolean }>('select to_regclass($1) is not null as known', [quoted])
  if (!known.rows[0]!.known) return undefined
  const { rows } = await client.query<{ n: string }>(`select count(*) as n from only ${quoted}`)
  return Number(rows[0]!.n)
}
