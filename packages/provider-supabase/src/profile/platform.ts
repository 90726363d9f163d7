/**
 * What Supabase itself puts into every project. The lists are those of the vendor's own dump command (its scripts of
 * 2026-06 and the same in 2026-11), which leaves the same out.
 */

/** Schemas that the platform makes and fills. */
export const managedSchemas: readonly string[] = [
  ...['_analytics', '_realtime', '_supavisor', 'auth', 'cron', 'dbdev', 'etl', 'extensions', 'graphql'],
  ...['graphql_public', 'net', 'pgbouncer', 'pgmq', 'pgsodium', 'pgsodium_masks', 'pgtle', 'realtime', 'repack'],
  ...['storage', 'supabase_functions', 'supabase_migrations', 'tiger', 'tiger_data', 'topology', 'vault'],
]

export function isManagedSchema(name: string): boolean {
  return managedSchemas.includes(name) || /^_?timescaledb_/.test(name)
}

/** Managed schemas whose rows are the project's own. */
export const schemasWithUserRows: ReadonlySet<string> = new Set(['auth', 'storage'])

/** The platform's own notes on the version of those schemas; another project has its own. */
export const migrationNotes: ReadonlySet<string> = new Set([
  'auth.schema_migrations',
  'storage.migrations',
  'supabase_functions.migrations',
])

/** Extensions that hold the platform together: every project has its own. */
export const platformExtensions: ReadonlySet<string> = new Set([
  ...['pg_graphql', 'pg_net', 'pg_stat_statements', 'pgsodium', 'plpgsql', 'supabase_vault'],
])

/** Roles that only the platform alters. https://supabase.com/docs/guides/database/postgres/roles */
export function isReservedRole(name: string): boolean {
  return (
    /^(anon|authenticated|authenticator|dashboard_user|pgbouncer|postgres|service_role|pgtle_admin)$/.test(name) ||
    /^(cli_login_|supabase_|pgsodium_key)/.test(name)
  )
}

export function isPlatformPublication(name: string): boolean {
  return name.startsWith('supabase_')
}
