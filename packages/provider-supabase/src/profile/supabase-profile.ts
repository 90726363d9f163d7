import { type EntryRule, type ProfileFacts, type RestoreProfile, setDefaultPrivilegesAside } from '@lifeboat/core'
import { schemaOf, tableOf } from './entry-names.js'
import { isManagedSchema, isReservedRole, managedSchemas, migrationNotes, schemasWithUserRows } from './platform.js'
import { createMissingRoles, existingSchemas, lacksRoles, sharedRules } from './shared-rules.js'

type Entry = Parameters<EntryRule>[0]

/**
 * For a target that is a Supabase project. The platform's schemas stay as the target has them; the rows of `auth` and
 * `storage` come along where the target's tables are empty. Triggers of the project's own on those tables are kept where
 * the login may make them, policies where it owns the table.
 */
export const supabaseProfile: RestoreProfile = {
  name: 'supabase',
  describes: 'into a Supabase project: what the platform owns stays as the project has it',
  managedSchemas,
  rules: facts => [platform(facts), reservedRoles(facts), existingSchemas(facts), ...sharedRules(facts)],
  prepare: (kept, facts) => [
    ...createMissingRoles(kept, facts, role => !isReservedRole(role)),
    ...setDefaultPrivilegesAside(facts.defaultPrivileges),
  ],
}

function platform(facts: ProfileFacts): EntryRule {
  return entry => {
    const schema = schemaOf(entry)
    if (schema === undefined || !isManagedSchema(schema)) return undefined
    const there = facts.schemas.has(schema)
    // Migrations are the project's own; a new project has no such schema yet.
    if (schema === 'supabase_migrations' && !there) return undefined
    if (entry.section === 'data') return rowsOfPlatform(entry, schema, facts)
    const table = tableOf(entry)
    if (entry.description === 'TRIGGER' && table !== undefined && callsOwnFunction(entry))
      return facts.tables.get(table)?.trigger === true ? undefined : 'trigger-on-managed-table'
    if (entry.description === 'POLICY' && table !== undefined)
      return facts.tables.get(table)?.owned === true ? undefined : 'policy-on-managed-table'
    // What depends on a part of the platform finds it in the target, if the target has that part.
    return { reason: 'managed-schema', cascades: !there }
  }
}

/** Rows and values of sequences in the platform's schemas. */
function rowsOfPlatform(entry: Entry, schema: string, facts: ProfileFacts): string | undefined {
  // Jobs would start at once, in the middle of the restore.
  if (schema === 'cron') return 'cron-job'
  if (schema === 'vault' || schema === 'pgsodium') return 'vault-secret'
  if (!schemasWithUserRows.has(schema)) return 'managed-schema'
  const name = `${schema}.${entry.tag}`
  if (migrationNotes.has(name)) return 'migration-note'
  const table = facts.tables.get(name)
  if (table === undefined) return 'not-in-target'
  if (!table.insert) return 'not-writable'
  if (entry.description === 'TABLE DATA' && !table.empty) return 'not-empty-in-target'
  return undefined
}

/** Whether a trigger runs a function that is not the platform's. */
function callsOwnFunction({ definition }: Entry): boolean {
  const schema = /EXECUTE (?:FUNCTION|PROCEDURE) "?([^".(]+)"?\./.exec(definition)?.[1]
  return schema !== undefined && !isManagedSchema(schema)
}

/** A role of the platform's that this project does not have is not for us to make. */
function reservedRoles(facts: ProfileFacts): EntryRule {
  return entry =>
    lacksRoles(entry, role => isReservedRole(role) && !facts.roles.has(role)) ? 'reserved-role' : undefined
}
