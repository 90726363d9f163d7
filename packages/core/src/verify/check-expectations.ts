import type { Finding } from '../api/verification.js'
import type { TableOfContents } from '../archive/archive-header.js'
import type { ProductConfig } from '../config/config-schema.js'
import { splitTableName } from '../postgres/snapshot-counts.js'
import { storedDatabaseBytes } from '../repository/locate-artifact.js'
import type { Manifest } from '../repository/manifest.js'
import { type Checked, checked } from './checked.js'
import { critical } from './finding.js'
import { rowsOf } from './rows-of.js'

/** Holds what a manifest says against what the product expects of every backup. */
export function checkExpectations(manifest: Manifest, verify: ProductConfig['verify'] | undefined): Checked[] {
  if (manifest.tables === null) return [checkSize(manifest, verify), checked('archive', [unknownArchive])]
  return [
    checkSize(manifest, verify),
    ...(verify?.criticalTables ?? []).map(name => checkCriticalTable(manifest, name)),
    ...(verify?.policies === undefined ? [] : [checkPolicies(manifest, verify.policies.atLeast)]),
  ]
}

const unknownArchive: Finding = {
  severity: 'warning',
  code: 'archive-unknown',
  message: 'the archive is of a version this tool cannot read: tables and rows were not checked',
  hint: '`pg_restore --list` of the same client version reads it; or update lifeboat',
}

function checkSize(manifest: Manifest, verify: ProductConfig['verify'] | undefined): Checked {
  const bytes = storedDatabaseBytes(manifest)
  const findings: Finding[] = []
  if (verify?.size.min !== undefined && bytes < verify.size.min)
    findings.push(
      critical(
        'size-below-range',
        `the database in the backup has ${bytes} bytes, less than verify.size.min (${verify.size.min})`,
        'check what the source held; correct verify.size if the database shrank',
      ),
    )
  if (verify?.size.max !== undefined && bytes > verify.size.max)
    findings.push(
      critical(
        'size-above-range',
        `the database in the backup has ${bytes} bytes, more than verify.size.max (${verify.size.max})`,
        'correct verify.size if the database grew',
      ),
    )
  return checked('size', findings, `${bytes} bytes`)
}

function checkCriticalTable(manifest: Manifest, name: string): Checked {
  const rows = rowsOf(manifest, name)
  if (rows === undefined) {
    const message = `the critical table ${name} is not in the backup`
    const hint = 'check verify.criticalTables and the source'
    return checked(`critical table ${name}`, [critical('critical-table-missing', message, hint)])
  }
  if (rows === 0) {
    const message = `the critical table ${name} is empty in the backup`
    const hint = 'check the source before this backup replaces older ones'
    return checked(`critical table ${name}`, [critical('critical-table-empty', message, hint)], '0 rows')
  }
  return checked(`critical table ${name}`, [], `${rows} rows`)
}

function checkPolicies(manifest: Manifest, atLeast: number): Checked {
  const n = manifest.contents?.POLICY ?? 0
  const message = `the backup has ${n} row-level security policies, fewer than ${atLeast}`
  const hint = 'check verify.policies and the source'
  return checked('policies', n < atLeast ? [critical('policies-missing', message, hint)] : [], `${n} policies`)
}

/** Functions and procedures that a product expects, by the archive's table of contents. */
export function checkFunctions(toc: TableOfContents, verify: ProductConfig['verify'] | undefined): Checked[] {
  return (verify?.functions ?? []).map(name => {
    const { schema, name: bare } = splitTableName(name)
    const found = toc.entries.some(
      entry =>
        /^(FUNCTION|PROCEDURE|AGGREGATE)$/.test(entry.description) &&
        entry.tag.startsWith(`${bare}(`) &&
        (!name.includes('.') || entry.namespace === schema),
    )
    const message = `the function ${name} is not in the backup`
    return checked(
      `function ${name}`,
      found ? [] : [critical('function-missing', message, 'check verify.functions and the source')],
    )
  })
}
