import type { Included, NotIncluded } from '../api/backups.js'
import type { ProductConfig } from '../config/config-schema.js'
import { restorableArtifact } from '../repository/locate-artifact.js'
import type { Manifest } from '../repository/manifest.js'

/** What a backup holds, part by part, by its manifest. */
export function listIncluded(manifest: Manifest): Included[] {
  return manifest.artifacts.map(artifact => {
    const { name, kind, files, roles } = artifact
    if (kind === 'files' && files !== undefined)
      return {
        what: `files: ${name}`,
        detail: counted([
          [files.files, 'file'],
          [files.folders, 'folder'],
          [files.links, 'link'],
        ]),
      }
    if (kind === 'roles')
      return { what: 'roles', detail: roles === undefined ? null : counted([[roles.count, 'role']]) }
    if (artifact !== restorableArtifact(manifest)) return { what: name, detail: null }
    const rows = manifest.tables?.reduce((sum, table) => sum + table.rows, 0)
    const objects = manifest.largeObjects?.count ?? 0
    const detail = counted([
      [manifest.tables?.length ?? 0, 'table'],
      [rows ?? 0, 'row'],
      ...(objects > 0 ? [[objects, 'large object'] as const] : []),
    ])
    return {
      what: kind === 'export' ? 'database, as its provider exported it' : 'database',
      detail: rows === undefined ? null : detail,
    }
  })
}

/**
 * What a restore of a backup would not bring back, by nature and by configuration.
 * @param config as it is today; undefined where no configuration knows the product
 */
export function listMissing(
  manifest: Manifest | undefined,
  config: Pick<ProductConfig, 'source' | 'objects'> | undefined,
): NotIncluded[] {
  const { schemas, excludeTableData } = config?.source ?? {}
  const roles = manifest?.artifacts.some(one => one.kind === 'roles') ?? false
  return [
    ...(schemas === undefined ? [] : [{ what: `schemas other than ${schemas.join(', ')}`, why: 'source.schemas' }]),
    ...(excludeTableData ?? []).map(table => ({
      ...{ what: `the rows of ${table}`, why: 'source.excludeTableData; its definition is there' },
    })),
    ...(manifest !== undefined && manifest.tables === null
      ? [{ what: 'counts of rows', why: 'the archive is of a version that this tool cannot read' }]
      : []),
    roles
      ? { what: 'passwords of roles, and tablespaces', why: 'no backup holds a password; set new ones' }
      : {
          what: 'roles, passwords and tablespaces',
          why: 'they belong to the server, not to a database; source.roles keeps the roles',
        },
    { what: 'settings of the database (ALTER DATABASE … SET)', why: 'a restore goes into a database that has its own' },
    ...missingFiles(manifest),
    ...missingObjects(Object.keys(config?.objects ?? {})),
  ]
}

function missingObjects(sets: readonly string[]): NotIncluded[] {
  const others = {
    what: 'objects in buckets (uploads, storage)',
    why: 'a database holds at most their names; they are copied apart',
  }
  if (sets.length === 0) return [others]
  return [
    {
      what: `the sets of objects ${sets.join(', ')}`,
      why: 'they are copied beside the backups, with snapshots of their own: lifeboat objects list',
    },
    { what: 'objects in other buckets', why: others.why },
  ]
}

function missingFiles(manifest: Manifest | undefined): NotIncluded[] {
  const bundles = manifest?.artifacts.filter(one => one.kind === 'files') ?? []
  if (bundles.length === 0)
    return [
      {
        what: "the application's files and configuration",
        why: 'only the database is backed up; files takes some along',
      },
    ]
  return [
    { what: `files other than ${bundles.map(one => one.name).join(', ')}`, why: 'files names what is taken' },
    ...bundles
      .filter(one => one.files !== undefined && one.files.leftOut > 0)
      .map(one => ({
        what: counted([[one.files?.leftOut ?? 0, `file of ${one.name}`, `files of ${one.name}`]]),
        why: 'they could not be read, or are sockets, pipes or devices',
      })),
  ]
}

function counted(parts: readonly (readonly [count: number, one: string, many?: string])[]): string {
  return parts
    .map(([count, one, many]) => `${count.toLocaleString('en-US')} ${count === 1 ? one : (many ?? `${one}s`)}`)
    .join(', ')
}
