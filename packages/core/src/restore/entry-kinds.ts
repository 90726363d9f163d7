import type { ArchiveEntry } from '../archive/archive-header.js'

/** Whether pg_restore has something to make before the rows; the archive's settings are none. */
export function isDefinition({ section, description }: ArchiveEntry): boolean {
  return section === 'pre-data' && !/^(ENCODING|STDSTRINGS|SEARCHPATH|DATABASE)$/.test(description)
}

/** What pg_restore counts as data and is no table's: sequences, large objects, and what is said about these. */
export function isOtherData({ section, description, tag }: ArchiveEntry): boolean {
  if (section === 'data') return description !== 'TABLE DATA'
  return /^(COMMENT|ACL|SECURITY LABEL)$/.test(description) && tag.startsWith('LARGE OBJECT')
}
