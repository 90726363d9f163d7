import type { ArchiveEntry } from '../archive/archive-header.js'
import { connect, databaseError } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'

/** Grants of which some name roles that the target lacks. */
export interface PartialGrants {
  /** The dump ids of their entries: pg_restore is not told of these, since it would leave each out as a whole. */
  readonly entries: ReadonlySet<number>
  /** The statements that name only roles that are there. */
  readonly statements: readonly string[]
}

/**
 * Takes grants apart that name missing roles. pg_restore sends an entry as one query, so one missing role would cost all
 * grants on that object.
 * @param missingIn the roles in a definition that the target does not have
 */
export function planPartialGrants(
  kept: readonly ArchiveEntry[],
  missingIn: (entry: ArchiveEntry) => boolean,
): PartialGrants {
  const entries = new Set<number>()
  const statements: string[] = []
  for (const entry of kept) {
    if (!/^(ACL|DEFAULT ACL)$/.test(entry.description) || !missingIn(entry)) continue
    const split = splitGrants(entry)
    // What is written otherwise than pg_dump writes it is left to pg_restore.
    if (split === undefined) continue
    entries.add(entry.dumpId)
    statements.push(...split.filter(definition => !missingIn({ ...entry, definition })))
  }
  return { entries, statements }
}

/** The statements of an entry, one a line as pg_dump writes them; undefined where it is not that. */
export function splitGrants({ definition }: ArchiveEntry): string[] | undefined {
  const lines = definition.split('\n').filter(line => line !== '')
  // A name with a line break in it would take a statement apart.
  return lines.every(line => /^(GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) .*;$/.test(line)) ? lines : undefined
}

/** Runs them one by one. @returns what was refused, and why */
export async function runGrants(
  target: ConnectionTarget,
  statements: readonly string[],
  signal: AbortSignal | undefined,
): Promise<readonly { readonly statement: string; readonly why: string }[]> {
  if (statements.length === 0) return []
  const refused: { statement: string; why: string }[] = []
  const client = await connect(target, signal)
  try {
    for (const statement of statements) {
      signal?.throwIfAborted()
      try {
        await client.query(statement)
      } catch (error) {
        const { code, message } = databaseError(error, target, signal)
        if (code !== 'database-refused') throw error
        refused.push({ statement, why: message })
      }
    }
    return refused
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
}
