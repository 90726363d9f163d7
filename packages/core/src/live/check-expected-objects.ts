import type pg from 'pg'
import type { ProductConfig } from '../config/config-schema.js'
import { resolveCriticalTables, splitTableName } from '../postgres/snapshot-counts.js'
import { type Checked, checked } from '../verify/checked.js'
import { critical } from '../verify/finding.js'

/** Whether a database has the critical tables, functions and policies that its product expects. */
export async function checkExpectedObjects(
  client: pg.Client,
  verify: ProductConfig['verify'],
  place: {
    readonly where: string /** Of findings, where they must not count against the backup. */
    readonly code?: string
  },
): Promise<Checked[]> {
  const { where, code } = place
  // A code of its own is the live database's.
  const live = code !== undefined
  const done: Checked[] = []
  for (const name of verify.criticalTables) {
    const { missing } = await resolveCriticalTables(client, [name])
    const finding = critical(
      code ?? 'critical-table-missing',
      `the critical table ${name} is not in ${where}`,
      live
        ? 'see who dropped it; `lifeboat restore BACKUP --table` brings it back'
        : 'check verify.criticalTables, and whether the backup holds it: `lifeboat restore BACKUP --list`',
    )
    done.push(checked(`critical table ${name}`, missing.length > 0 ? [finding] : []))
  }
  for (const name of verify.functions) {
    const { schema, name: bare } = splitTableName(name)
    const { rows } = await client.query(
      `select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where p.proname = $1 and ($2::text is null or n.nspname = $2) limit 1`,
      [bare, name.includes('.') ? schema : null],
    )
    const finding = critical(
      code ?? 'function-missing',
      `the function ${name} is not in ${where}`,
      live ? 'see who dropped it: `lifeboat diff BACKUP`; or correct verify.functions' : 'check verify.functions',
    )
    done.push(checked(`function ${name}`, rows.length === 0 ? [finding] : []))
  }
  if (verify.policies !== undefined) {
    const { rows } = await client.query<{ n: number }>('select count(*)::int as n from pg_policy')
    const { n } = rows[0]!
    const { atLeast } = verify.policies
    const message = `${where} has ${n} row-level security policies, fewer than ${atLeast}`
    done.push(
      checked(
        'policies',
        n < atLeast
          ? [
              critical(
                code ?? 'policies-missing',
                message,
                live
                  ? 'see which are gone: `lifeboat diff BACKUP`; or correct verify.policies'
                  : 'check verify.policies',
              ),
            ]
          : [],
        `${n} policies`,
      ),
    )
  }
  return done
}
