import type { ProductFacts } from './compose-report.js'
import type { ProductReport } from './report-model.js'

/** What a restore of a product's backups would not bring back: by configuration, by nature, and by its last drill. */
export function listNotIncluded({ config, backups, drills }: ProductFacts): ProductReport['notIncluded'] {
  const { schemas, excludeTableData } = config.source
  const newest = backups[0]?.manifest
  const leftOut = drills[0]?.leftOut ?? []
  return [
    ...(schemas === undefined ? [] : [{ what: `schemas other than ${schemas.join(', ')}`, why: 'source.schemas' }]),
    ...(excludeTableData ?? []).map(table => ({
      ...{ what: `the rows of ${table}`, why: 'source.excludeTableData; its definition is there' },
    })),
    ...(newest !== undefined && newest.tables === null
      ? [{ what: 'counts of rows', why: 'the archive is of a version that this tool cannot read' }]
      : []),
    { what: 'roles, passwords and tablespaces', why: 'they belong to the server, not to a database' },
    { what: 'settings of the database (ALTER DATABASE … SET)', why: 'a restore goes into a database that has its own' },
    { what: "the application's files and configuration", why: 'only the database is backed up' },
    ...leftOut.map(({ entry, reason }) => ({ what: entry, why: `left out of the last drill: ${reason}` })),
  ]
}
