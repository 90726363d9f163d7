import type { Finding } from '../api/verification.js'
import type { Scan } from '../archive/scan-stage.js'
import type { Manifest } from '../repository/manifest.js'
import { critical } from './finding.js'

/** Compares what an archive holds with what its manifest says, table by table. */
export function compareScan(manifest: Manifest, scan: Scan): Finding[] {
  if (manifest.tables === null || scan.summary.tables === null) return []
  const findings: Finding[] = []
  const found = new Map(scan.summary.tables.map(table => [`${table.schema}.${table.name}`, table]))
  for (const table of manifest.tables) {
    const name = `${table.schema}.${table.name}`
    const read = found.get(name)
    found.delete(name)
    if (read === undefined)
      findings.push(
        critical('table-missing', `the archive has no data of ${name}, the manifest lists ${table.rows} rows`, null),
      )
    else if (read.rows !== table.rows)
      findings.push(
        critical('rows-differ', `${name} has ${read.rows} rows in the archive, ${table.rows} in the manifest`, null),
      )
    else if (read.sha256 !== table.sha256)
      findings.push(
        critical(
          'content-differs',
          `the rows of ${name} are not those the manifest records: their SHA-256 differs`,
          null,
        ),
      )
    if (table.snapshotRows !== undefined && table.snapshotRows !== table.rows) {
      findings.push(
        critical(
          'snapshot-rows-differ',
          `the manifest records ${table.rows} rows of ${name}, of which the server counted ${table.snapshotRows}`,
          null,
        ),
      )
    }
  }
  for (const name of found.keys())
    findings.push(critical('table-unlisted', `the archive has data of ${name}, which the manifest does not list`, null))
  if (differs(manifest.largeObjects, scan.summary.largeObjects))
    findings.push(
      critical(
        'large-objects-differ',
        'the large objects are not those the manifest records: their SHA-256 differs',
        null,
      ),
    )
  return findings
}

function differs(recorded: Manifest['largeObjects'], read: Scan['summary']['largeObjects']): boolean {
  if (recorded === null || read === null) return false
  return recorded.count !== read.count || recorded.bytes !== read.bytes || recorded.sha256 !== read.sha256
}
