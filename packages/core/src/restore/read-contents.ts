import type { TableOfContents } from '../archive/archive-header.js'
import { ArchiveScanner } from '../archive/archive-scanner.js'
import { readExportContents } from '../archive/export-scan.js'
import type { Unlock } from '../encryption/open-pgp.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import type { Artifact } from '../repository/manifest.js'
import { plainBytes } from '../repository/read-artifact.js'

/**
 * Reads a backup's table of contents from the front of its artifact, and no further than it lies.
 * @returns undefined for an archive of an unknown version
 */
export async function readContents(
  backup: LocatedBackup,
  artifact: Artifact,
  unlock: Unlock,
  signal?: AbortSignal,
): Promise<TableOfContents | undefined> {
  if (artifact.kind === 'export') return readExportContents(plainBytes(backup, artifact, unlock, signal))
  let found: TableOfContents | undefined
  let unread = false
  const scanner = new ArchiveScanner({
    contents: toc => {
      found = toc
    },
    unread: () => {
      unread = true
    },
  })
  for await (const chunk of plainBytes(backup, artifact, unlock, signal)) {
    scanner.push(chunk)
    if (found !== undefined || unread) return found
  }
  scanner.finish()
  return found
}
