import type { ArchiveEntry } from '../archive/archive-header.js'
import { invalid } from '../archive/front-reader.js'

/** The table that a COPY statement of an archive loads into. */
export interface CopyTarget {
  /** Qualified and quoted, as the statement has it. */
  readonly quoted: string
  readonly schema: string
  readonly name: string
}

const part = /"(?:[^"]|"")+"|[^\s(".]+/y

/** Reads `COPY schema.name (columns) FROM stdin;`. @throws BackupError `archive-invalid` */
export function copyTarget(statement: string): CopyTarget {
  const start = 'COPY '
  if (!statement.startsWith(start)) throw invalid('the data of a table has no COPY statement')
  const schema = partAt(statement, start.length)
  const dot = start.length + schema.length
  const name = statement[dot] === '.' ? partAt(statement, dot + 1) : ''
  if (schema === '' || name === '') throw invalid('a COPY statement names no table')
  return { quoted: `${schema}.${name}`, schema: unquoted(schema), name: unquoted(name) }
}

/** Whether the data of an entry load into the table of its own name; pg_dump can load a partition through its root. */
export function loadsItself(entry: ArchiveEntry): boolean {
  if (entry.copyStatement === null || entry.copyStatement === '') return false
  const target = copyTarget(entry.copyStatement)
  return target.schema === entry.namespace && target.name === entry.tag
}

function partAt(statement: string, offset: number): string {
  part.lastIndex = offset
  return part.exec(statement)?.[0] ?? ''
}

function unquoted(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier
}
