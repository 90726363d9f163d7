import type { EntryRule, RestoreProfile } from '@lifeboat/core'
import { schemaOf } from './entry-names.js'
import { isManagedSchema } from './platform.js'
import { createMissingRoles, existingSchemas, sharedRules } from './shared-rules.js'

/** Schemas of the platform that are data to others: who the users are, and which files there were. */
const keptAsData: ReadonlySet<string> = new Set(['auth', 'storage', 'supabase_migrations'])

/**
 * For a backup of a Supabase project into a Postgres that is none, such as Render's or one's own. `auth` and `storage`
 * come along as plain schemas with their functions, so that policies that call `auth.uid()` work; the rest of the platform
 * stays behind. Roles that grants and policies name are made, without login.
 */
export const plainProfile: RestoreProfile = {
  name: 'plain',
  describes: 'a backup of a Supabase project into a Postgres that is none',
  managedSchemas: [],
  rules: facts => [platform, existingSchemas(facts), ...sharedRules(facts)],
  prepare: createMissingRoles,
}

const platform: EntryRule = entry => {
  const schema = schemaOf(entry)
  if (schema === undefined || !isManagedSchema(schema) || keptAsData.has(schema)) return undefined
  // Extensions are made in it.
  if (schema === 'extensions' && entry.description === 'SCHEMA') return undefined
  if (schema === 'cron') return 'cron-job'
  return 'platform-schema'
}
