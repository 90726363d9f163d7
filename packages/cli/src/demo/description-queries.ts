/** So that two servers write the same value in the same way, and names always with their schema. */
export const sessionSettings: readonly string[] = [
  `set local search_path = ''`,
  `set local timezone = 'UTC'`,
  `set local datestyle = 'ISO, YMD'`,
  `set local intervalstyle = 'postgres'`,
  `set local bytea_output = 'hex'`,
  `set local extra_float_digits = 3`,
  // Rows that a policy would hide are an error, not a smaller count.
  `set local row_security = off`,
]

const ours = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`
const relation = `format('%I.%I', n.nspname, c.relname)`

/** Whatever holds or shows rows. Partitioned tables hold none themselves: their partitions are listed. */
export const rowsQuery = `
  select ${relation} as name, case when c.relkind = 'r' then 'only ' else '' end || ${relation} as source
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm', 'v') and ${ours} and (c.relkind <> 'm' or c.relispopulated)
  order by 1`

/** One query per kind of object; each returns `name` and `text`. */
export const descriptionQueries: Readonly<Record<string, string>> = {
  schema: `select nspname as name, null as text from pg_namespace n where ${ours}`,
  extension: `select extname as name, null as text from pg_extension`,
  table: `
    select ${relation} as name, concat_ws('; ', c.relkind, c.relpersistence, c.reloptions::text,
      'rls ' || c.relrowsecurity || c.relforcerowsecurity, 'replica identity ' || c.relreplident::text,
      pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
      (select 'inherits ' || string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno) from pg_inherits i where i.inhrelid = c.oid)) as text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'f', 'v', 'm') and ${ours}`,
  column: `
    select ${relation} || '.' || quote_ident(a.attname) as name,
      concat_ws('; ', row_number() over (partition by c.oid order by a.attnum), format_type(a.atttypid, a.atttypmod),
        case when a.attnotnull then 'not null' end, 'default ' || pg_get_expr(d.adbin, d.adrelid),
        'identity ' || nullif(a.attidentity::text, ''), 'generated ' || nullif(a.attgenerated::text, ''),
        'storage ' || a.attstorage::text, 'collation ' || nullif(a.attcollation, t.typcollation)::regcollation) as text
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      join pg_type t on t.oid = a.atttypid left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'f', 'v', 'm', 'c') and ${ours}`,
  // contype n: since Postgres 18 NOT NULL is a constraint of its own; the column says it already.
  constraint: `
    select case when k.conrelid <> 0 then k.conrelid::regclass::text else k.contypid::regtype::text end || ' ' || quote_ident(k.conname) as name,
      pg_get_constraintdef(k.oid) || case when k.convalidated then '' else ' (not validated)' end as text
    from pg_constraint k join pg_namespace n on n.oid = k.connamespace
    where k.contype not in ('n', 't') and (k.conrelid <> 0 or k.contypid <> 0) and ${ours}`,
  index: `
    select ${relation} as name, pg_get_indexdef(i.indexrelid) || case when i.indisvalid then '' else ' (invalid)' end as text
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace where ${ours}`,
  function: `
    select p.oid::regprocedure::text as name,
      case when p.prokind = 'a' then 'aggregate returning ' || format_type(p.prorettype, null) else pg_get_functiondef(p.oid) end as text
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${ours}`,
  trigger: `
    select ${relation} || ' ' || quote_ident(t.tgname) as name, pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text as text
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where not t.tgisinternal and ${ours}`,
  rule: `
    select ${relation} || ' ' || quote_ident(r.rulename) as name, pg_get_ruledef(r.oid) || ' ' || r.ev_enabled::text as text
    from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
    where r.rulename <> '_RETURN' and ${ours}`,
  policy: `
    select ${relation} || ' ' || quote_ident(p.polname) as name,
      concat_ws('; ', p.polcmd, case when p.polpermissive then 'permissive' else 'restrictive' end,
        (select string_agg(case when r = 0 then 'public' else r::regrole::text end, ', ' order by r) from unnest(p.polroles) r),
        'using ' || pg_get_expr(p.polqual, p.polrelid), 'check ' || pg_get_expr(p.polwithcheck, p.polrelid)) as text
    from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace where ${ours}`,
  'view definition': `
    select ${relation} as name, pg_get_viewdef(c.oid) as text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('v', 'm') and ${ours}`,
  'materialized view': `
    select ${relation} as name, case when c.relispopulated then 'populated' else 'not populated' end as text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'm' and ${ours}`,
  enum: `
    select t.oid::regtype::text as name, string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) as text
    from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_enum e on e.enumtypid = t.oid
    where t.typtype = 'e' and ${ours} group by t.oid`,
  domain: `
    select t.oid::regtype::text as name,
      concat_ws('; ', format_type(t.typbasetype, t.typtypmod), case when t.typnotnull then 'not null' end, 'default ' || t.typdefault) as text
    from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typtype = 'd' and ${ours}`,
  'extended statistics': `
    select format('%I.%I', n.nspname, s.stxname) as name, pg_get_statisticsobjdef(s.oid) as text
    from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace where ${ours}`,
  comment: `
    select o.type || ' ' || o.identity as name, d.description as text
    from pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) o
    where (d.objoid >= 16384 or d.classoid = 'pg_catalog.pg_largeobject'::regclass)
      and (o.schema is null or (o.schema !~ '^pg_' and o.schema <> 'information_schema'))`,
  'grant to public': `
    select ${relation} as name, string_agg(a.privilege_type, ', ' order by a.privilege_type) as text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
    where a.grantee = 0 and ${ours} group by 1`,
  'large object': `
    select oid::text as name, format('%s bytes, checksum %s', length(lo_get(oid)), md5(lo_get(oid))) as text
    from pg_largeobject_metadata`,
}
