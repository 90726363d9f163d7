import type { Manifest } from '@lifeboat/core'
import pg from 'pg'
import { loadDemoDatabase } from './demo-database.js'

/** Creates a database through `admin` and loads the shop into it. */
export async function loadNewDatabase(admin: string, url: string, name: string): Promise<void> {
  await withClient(admin, client => client.query(`create database ${pg.escapeIdentifier(name)}`))
  await withClient(url, client => loadDemoDatabase(client))
}

export async function dropDatabase(admin: string, name: string): Promise<void> {
  await withClient(admin, client => client.query(`drop database ${pg.escapeIdentifier(name)} with (force)`))
}

/** Where a restored database has another number of rows than the backup's manifest says. */
export async function compareRowCounts(url: string, manifest: Manifest): Promise<string[]> {
  return withClient(url, async client => {
    const differences: string[] = []
    for (const { schema, name, rows } of manifest.tables ?? []) {
      const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
      const answer = await client.query<{ rows: string }>(`select count(*) as rows from only ${table}`)
      const found = Number(answer.rows[0]?.rows)
      if (found !== rows)
        differences.push(`rows of ${schema}.${name}: the manifest says ${rows}, the database has ${found}`)
    }
    return differences
  })
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
