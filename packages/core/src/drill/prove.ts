import type { Finding } from '../api/verification.js'
import type { TableOfContents } from '../archive/archive-header.js'
import type { Unlock } from '../encryption/open-pgp.js'
import type { EventListener } from '../events/backup-event.js'
import { choosePgDump, majorForArchive, type PgTools } from '../postgres/find-pg-tools.js'
import { type LocatedBackup, restorableArtifact } from '../repository/locate-artifact.js'
import { plainBytes } from '../repository/read-artifact.js'
import type { DrillRecord } from '../repository/record-schema.js'
import { type EntryRule, selectEntries } from '../restore/select-entries.js'
import { type Proof, proveContent } from './prove-content.js'
import { proveCounts } from './prove-counts.js'
import { readReference } from './schema-reference.js'
import type { ScratchDatabase } from './scratch-database.js'
import type { OpenScratchServer } from './scratch-server.js'

export interface ProveWork {
  readonly kind: 'content' | 'counts'
  readonly backup: LocatedBackup
  readonly unlock: Unlock
  /** Undefined where the archive's version is unknown: then there is nothing to compare but counts. */
  readonly toc: TableOfContents | undefined
  readonly rules: readonly EntryRule[]
  readonly server: Pick<OpenScratchServer, 'serverVersion' | 'serverMajor'>
  readonly database: ScratchDatabase
  readonly tools: readonly PgTools[]
  readonly workFolder: string
  readonly emit: EventListener
}

/** Compares a restored database with its backup, as far as it was asked for. */
export async function prove(
  work: ProveWork,
  signal: AbortSignal | undefined,
): Promise<{ readonly proof: DrillRecord['proof']; readonly findings: readonly Finding[]; readonly detail: string }> {
  const { manifest } = work.backup
  const selection = work.toc && selectEntries(work.toc, work.rules)
  const { url } = work.database
  const artifact = restorableArtifact(manifest)!
  const kind = work.toc === undefined ? 'counts' : work.kind
  let found: Proof
  if (kind === 'counts' || work.toc === undefined || selection === undefined) {
    found = await proveCounts({ manifest, selection, url, signal })
  } else {
    const { tools, same } = chooseDumpTools(work)
    const restoreTools = choosePgDump(
      work.tools,
      Math.max(
        majorForArchive(work.toc.header.version),
        Math.min(work.server.serverMajor, work.tools.at(-1)?.major ?? 0),
      ),
    )
    found = await proveContent({
      ...{ manifest, toc: work.toc, selection, url, tools, sameVersions: same, signal, emit: work.emit },
      keepsOwners: work.database.keepsOwners,
      reference: () =>
        readReference({
          plain: plainBytes(work.backup, artifact, work.unlock, signal),
          isExport: artifact.kind === 'export',
          ...{
            selection,
            database: work.database,
            restoreTools,
            dumpTools: tools,
            workFolder: work.workFolder,
            signal,
          },
        }),
    })
  }
  const { findings, ...compared } = found
  const differences = findings.filter(finding => finding.severity === 'critical').length
  const { tables, rows } = compared
  const detail = `${tables} tables and ${rows} rows compared by ${kind}, ${differences} differences`
  return { proof: { kind, ...compared, differences }, findings, detail }
}

/** The pg_dump that made the backup, if it is here: it writes definitions in the same words. */
function chooseDumpTools(work: ProveWork): { readonly tools: PgTools; readonly same: boolean } {
  const { pgDumpVersion, serverVersion } = work.backup.manifest.source
  const major = (version: string) => Number.parseInt(version, 10)
  const twin = work.tools.find(one => one.major === major(pgDumpVersion) && one.major >= work.server.serverMajor)
  const tools = twin ?? choosePgDump(work.tools, work.server.serverMajor)
  const same = tools.major === major(pgDumpVersion) && work.server.serverMajor === major(serverVersion)
  return { tools, same }
}
