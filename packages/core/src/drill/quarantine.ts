import type { ArchiveEntry, TableOfContents } from '../archive/archive-header.js'
import type { EntryRule } from '../restore/select-entries.js'
import { describeEntry } from '../restore/select-entries.js'

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

/** Schemas that such extensions make for themselves; the archive does not say which. */
const ownSchemas: Readonly<Record<string, string>> = {
  ...{ pg_cron: 'cron', pg_net: 'net', pgagent: 'pgagent', pg_timetable: 'timetable', pglogical: 'pglogical' },
  ...{ pg_later: 'pglater', pg_tle: 'pgtle', pg_amqp: 'amqp', azure_storage: 'azure_storage', pljava: 'sqlj' },
}

/** Leaves out what can only be had with the roles of the source: they are made on a server of the drill's own alone. */
export function withoutSourceRoles(serverIsOurs: boolean): EntryRule {
  return entry => {
    if (serverIsOurs || entry.description !== 'DEFAULT ACL') return undefined
    return 'it speaks for a role that makes nothing on the scratch server'
  }
}

/** Leaves out of a drill what acts by itself or reaches outward; `allowed` extensions stay. */
export function quarantine(allowed: readonly string[] = []): EntryRule {
  const isLeftOut = ({ tag }: ArchiveEntry) => outward.has(tag) && !allowed.includes(tag)
  const known = new WeakMap<TableOfContents, ReadonlyMap<number, ArchiveEntry>>()
  const belongingsOf = (toc: TableOfContents) => {
    const found = known.get(toc) ?? findBelongings(toc, isLeftOut)
    known.set(toc, found)
    return found
  }
  return (entry, toc) => {
    if (entry.description === 'EXTENSION')
      return isLeftOut(entry) ? 'it reaches outward or starts jobs by itself' : undefined
    const extension = belongingsOf(toc).get(entry.dumpId)
    if (extension !== undefined) return `it needs ${describeEntry(extension)}, which is left out`
    return reasons[entry.description]
  }
}

/**
 * Rows and grants of what an extension made itself, such as the jobs of pg_cron. pg_dump lets them depend on a table that is
 * not in the archive, since the extension makes it, and does not name the extension: the schema must tell.
 */
function findBelongings(
  { entries }: TableOfContents,
  isLeftOut: (extension: ArchiveEntry) => boolean,
): ReadonlyMap<number, ArchiveEntry> {
  const found = new Map<number, ArchiveEntry>()
  const extensions = entries.filter(entry => entry.description === 'EXTENSION')
  const left = extensions.filter(isLeftOut)
  if (left.length === 0) return found
  const kept = extensions.filter(entry => !isLeftOut(entry))
  const ids = new Set(entries.map(entry => entry.dumpId))
  for (const entry of entries) {
    if (entry.dependencies.length === 0 || entry.dependencies.some(id => ids.has(id))) continue
    const schema = entry.namespace ?? /^SCHEMA (.+)$/.exec(entry.tag)?.[1]
    if (schema === undefined) continue
    const owner =
      left.find(one => ownSchemas[one.tag] === schema) ??
      // Nobody else could have made it.
      (kept.length === 0 ? left[0] : undefined) ??
      (kept.some(one => schemaOf(one) === schema) ? undefined : left.find(one => schemaOf(one) === schema))
    if (owner !== undefined) found.set(entry.dumpId, owner)
  }
  return found
}

/** Where the archive puts an extension. */
function schemaOf({ definition }: ArchiveEntry): string | undefined {
  const name = /WITH SCHEMA ("(?:[^"]|"")+"|[^\s;]+)/.exec(definition)?.[1]
  return name?.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name
}
