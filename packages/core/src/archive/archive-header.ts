/**
 * The front of an archive that `pg_dump -Fc` wrote, as far as a backup needs it.
 * Source of the layout: PostgreSQL's `src/bin/pg_dump/pg_backup_archiver.c` (`WriteHead`, `WriteToc`).
 */
export interface ArchiveHeader {
  /** `1.14`, `1.15`, `1.16`. */
  readonly version: string
  readonly intSize: number
  readonly offsetSize: number
  /** 0: the data blocks are not compressed. */
  readonly compression: number
  readonly database: string | null
  readonly serverVersion: string | null
  readonly pgDumpVersion: string | null
  readonly entryCount: number
}

/** One entry of the table of contents. */
export interface ArchiveEntry {
  readonly dumpId: number
  /** Whether a data block belongs to this entry. */
  readonly hasData: boolean
  readonly tag: string
  /** `TABLE`, `TABLE DATA`, `INDEX`, `SEQUENCE SET`, … */
  readonly description: string
  readonly section: 'none' | 'pre-data' | 'data' | 'post-data'
  readonly definition: string
  readonly dropStatement: string
  readonly copyStatement: string | null
  readonly namespace: string | null
  readonly owner: string | null
  readonly dependencies: readonly number[]
  /** In a folder's table of contents (`pg_dump -Fd`): the file of the data, without the ending of its compression. */
  readonly fileName?: string
}

export interface TableOfContents {
  readonly header: ArchiveHeader
  readonly entries: readonly ArchiveEntry[]
}

/** The versions of the archive format that this reader knows: PostgreSQL 12 to 18. */
export const knownMinorVersions = { first: 14, last: 16 } as const
