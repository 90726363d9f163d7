import type { EntryRule } from '../restore/select-entries.js'

/** Kinds of entries that act by themselves or reach outward, and what each would do in a drill. */
const reasons: Readonly<Record<string, string>> = {
  'EVENT TRIGGER': 'it would run while the drill restores',
  SUBSCRIPTION: 'it would connect to its publisher',
  'SUBSCRIPTION TABLE': 'it would connect to its publisher',
  PUBLICATION: 'nobody subscribes to a drill',
  'PUBLICATION TABLE': 'nobody subscribes to a drill',
  'PUBLICATION TABLES IN SCHEMA': 'nobody subscribes to a drill',
  SERVER: 'it leads to another server',
  'FOREIGN SERVER': 'it leads to another server',
  'USER MAPPING': 'it holds a login of another server',
}

/** Extensions through which a database reaches out, runs programs or starts jobs by itself. */
const outward = new Set([
  ...[
    'dblink',
    'postgres_fdw',
    'file_fdw',
    'mysql_fdw',
    'oracle_fdw',
    'tds_fdw',
    'mongo_fdw',
    'redis_fdw',
    'multicorn',
  ],
  ...['wrappers', 'pg_net', 'http', 'pgsql_http', 'pg_amqp', 'aws_s3', 'aws_lambda', 'azure_storage', 'pg_tle'],
  ...['pg_cron', 'pg_timetable', 'pg_background', 'pgagent', 'pglogical', 'pg_later'],
  ...['plpython3u', 'plpythonu', 'plperlu', 'pltclu', 'plsh', 'plr', 'pljava', 'adminpack'],
])

/** Leaves out what can only be had with the roles of the source: they are made on a server of the drill's own alone. */
export function withoutSourceRoles(serverIsOurs: boolean): EntryRule {
  return entry => {
    if (serverIsOurs || entry.description !== 'DEFAULT ACL') return undefined
    return 'it speaks for a role that makes nothing on the scratch server'
  }
}

/** Leaves out of a drill what acts by itself or reaches outward; `allowed` extensions stay. */
export function quarantine(allowed: readonly string[] = []): EntryRule {
  return entry => {
    if (entry.description === 'EXTENSION') {
      if (!outward.has(entry.tag) || allowed.includes(entry.tag)) return undefined
      return 'it reaches outward or starts jobs by itself'
    }
    return reasons[entry.description]
  }
}
