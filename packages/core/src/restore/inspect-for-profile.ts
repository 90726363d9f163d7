import { connect, databaseError } from '../postgres/connection.js'
import { type ConnectionTarget, withDatabase } from '../postgres/connection-target.js'

/** What the rules of a restore profile may know of the target. */
export interface ProfileFacts {
  /** The role that restores. */
  readonly login: string
  readonly superuser: boolean
  readonly canCreateRoles: boolean
  readonly roles: ReadonlySet<string>
  /** Roles that the login may act as, itself among them. */
  readonly actsAs: ReadonlySet<string>
  /** Schemas that exist, and whether the login owns each. */
  readonly schemas: ReadonlyMap<string, { readonly owned: boolean }>
  /** Tables and sequences that exist, as `schema.name`; `insert` of a sequence is whether its value may be set. */
  readonly tables: ReadonlyMap<
    string,
    { readonly owned: boolean; readonly insert: boolean; readonly trigger: boolean; readonly empty: boolean }
  >
  readonly installedExtensions: ReadonlySet<string>
  readonly availableExtensions: ReadonlySet<string>
  /** Publications that exist, and whether the login owns each. */
  readonly publications: ReadonlyMap<string, { readonly owned: boolean }>
  /** Privileges that the login's new objects would give to others. */
  readonly defaultPrivileges: readonly DefaultPrivilege[]
}

export interface DefaultPrivilege {
  /** Null: in every schema. */
  readonly schema: string | null
  readonly objects: 'TABLES' | 'SEQUENCES' | 'FUNCTIONS' | 'TYPES' | 'SCHEMAS'
  readonly grantee: string
  readonly privileges: readonly string[]
}

const question = `
with login as (select oid, rolname, rolsuper, rolcreaterole from pg_roles where rolname = current_user),
own_tables as (
  select n.nspname || '.' || c.relname as name, c.oid,
         pg_has_role(c.relowner, 'usage') as owned,
         case when c.relkind = 'S' then has_sequence_privilege(c.oid, 'update') else has_table_privilege(c.oid, 'insert') end as insert, has_table_privilege(c.oid, 'trigger') as trigger,
         has_table_privilege(c.oid, 'select') as readable, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as quoted
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'S') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
    and has_schema_privilege(n.oid, 'usage')
)
select
  (select rolname from login) as login, (select rolsuper from login) as superuser,
  (select rolcreaterole or rolsuper from login) as can_create_roles,
  array(select rolname::text from pg_roles) as roles,
  array(select rolname::text from pg_roles where pg_has_role(oid, 'usage')) as acts_as,
  coalesce((select json_agg(json_build_object('name', nspname, 'owned', pg_has_role(nspowner, 'usage'))) from pg_namespace), '[]') as schemas,
  coalesce((select json_agg(json_build_object('name', name, 'owned', owned, 'insert', insert, 'trigger', trigger, 'readable', readable, 'quoted', quoted)) from own_tables), '[]') as tables,
  array(select extname::text from pg_extension) as installed,
  array(select name::text from pg_available_extensions) as available,
  coalesce((select json_agg(json_build_object('name', pubname, 'owned', pg_has_role(pubowner, 'usage'))) from pg_publication), '[]') as publications,
  coalesce((select json_agg(json_build_object('schema', schema, 'objects', objects, 'grantee', grantee, 'privileges', privileges)) from (
    select n.nspname as schema, r.rolname as grantee, array_agg(a.privilege_type) as privileges,
      case d.defaclobjtype when 'r' then 'TABLES' when 'S' then 'SEQUENCES' when 'f' then 'FUNCTIONS' when 'T' then 'TYPES' else 'SCHEMAS' end as objects
    from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a join pg_roles r on r.oid = a.grantee
    where d.defaclrole = (select oid from login) and a.grantee <> d.defaclrole and d.defaclobjtype in ('r', 'S', 'f', 'T', 'n')
    group by 1, 2, 4) as granted), '[]') as default_privileges`

interface Row {
  readonly login: string
  readonly superuser: boolean
  readonly can_create_roles: boolean
  readonly roles: string[]
  readonly acts_as: string[]
  readonly schemas: { name: string; owned: boolean }[]
  readonly tables: {
    name: string
    owned: boolean
    insert: boolean
    trigger: boolean
    readable: boolean
    quoted: string
  }[]
  readonly installed: string[]
  readonly available: string[]
  readonly publications: { name: string; owned: boolean }[]
  readonly default_privileges: DefaultPrivilege[]
}

/** Looks at a target for a profile; with `create`, at the server, as the new database will be: empty. */
export async function inspectForProfile(
  target: ConnectionTarget,
  options: {
    readonly create: boolean
    readonly managedSchemas: readonly string[]
    readonly signal?: AbortSignal | undefined
  },
): Promise<ProfileFacts> {
  const { create, managedSchemas, signal } = options
  const client = await connect(create ? withDatabase(target, 'postgres') : target, signal)
  try {
    const { rows } = await client.query<Row>(question)
    const row = rows[0]!
    const tables = new Map<string, { owned: boolean; insert: boolean; trigger: boolean; empty: boolean }>()
    for (const { name, owned, insert, trigger, readable, quoted } of create ? [] : row.tables) {
      // Only of the platform's tables is it asked; where it cannot be seen, it is not taken for empty.
      const managed = managedSchemas.includes(name.slice(0, name.indexOf('.')))
      const filled =
        managed && readable
          ? (await client.query<{ filled: boolean }>(`select exists (select from ${quoted}) as filled`)).rows[0]!.filled
          : true
      tables.set(name, { owned, insert, trigger, empty: !filled })
    }
    return {
      login: row.login,
      superuser: row.superuser,
      canCreateRoles: row.can_create_roles,
      roles: new Set(row.roles),
      actsAs: new Set(row.acts_as),
      // A new database has `public`, and its owner may do there what the owner of a database may.
      schemas: byName(create ? [{ name: 'public', owned: true }] : row.schemas),
      tables,
      installedExtensions: new Set(create ? ['plpgsql'] : row.installed),
      availableExtensions: new Set(row.available),
      publications: byName(create ? [] : row.publications),
      defaultPrivileges: create ? [] : row.default_privileges,
    }
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
}

function byName<T extends { readonly name: string }>(named: readonly T[]): Map<string, T> {
  return new Map(named.map(one => [one.name, one]))
}
