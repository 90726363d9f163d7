import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArchiveEntry } from '../archive/archive-header.js'
import { ArchiveScanner } from '../archive/archive-scanner.js'
import { dumpSource } from '../dump/dump-source.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import type { PgTools } from '../postgres/find-pg-tools.js'
import { runPgRestore } from '../restore/run-pg-restore.js'
import type { EntrySelection } from '../restore/select-entries.js'
import { unpackExportContents } from '../restore/unpack-export.js'
import type { ByteSource } from '../streams/byte-source.js'
import type { ScratchDatabase } from './scratch-database.js'

/**
 * Restores the definitions of an archive, and nothing else, into a second database and reads how this server writes
 * them: what a whole restore of just these definitions must look like.
 */
export async function readReference(work: {
  readonly plain: ByteSource
  /** Whether that is a packed folder instead of one file. */
  readonly isExport: boolean
  readonly selection: EntrySelection
  readonly database: ScratchDatabase
  /** That of the restore. */
  readonly restoreTools: PgTools
  /** That of the proof. */
  readonly dumpTools: PgTools
  readonly workFolder: string
  readonly signal: AbortSignal | undefined
}): Promise<readonly ArchiveEntry[]> {
  const { signal } = work
  const folder = await mkdtemp(join(work.workFolder, 'lifeboat-reference-'))
  try {
    const file = work.isExport ? join(folder, 'front.dir') : join(folder, 'front.dump')
    if (work.isExport) await unpackExportContents(work.plain, file)
    else await writeFile(file, await readFront(work.plain), { mode: 0o600 })
    const list = join(folder, 'chosen.list')
    const definitions = work.selection.kept.filter(entry => entry.section !== 'data')
    await writeFile(list, definitions.map(entry => `${entry.dumpId};\n`).join(''), { mode: 0o600 })
    const { url, definer } = await work.database.sibling()
    const target = parseConnectionUrl(url)
    const by = definer ? parseConnectionUrl(definer.url) : target
    const chosen = [`--use-list=${list}`]
    const owners = definer?.keepOwners ? [] : ['--no-owner']
    await runPgRestore(work.restoreTools, by, { file, options: ['--section=pre-data', ...owners, ...chosen], signal })
    await definer?.handOver()
    const rest = ['--section=post-data', '--no-owner', ...chosen]
    await runPgRestore(work.restoreTools, target, { file, options: rest, signal })
    return await readDefinitions(dumpSource(target, { tools: work.dumpTools, schemaOnly: true, signal }))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The table of contents of a dump that is read to its end. */
export async function readDefinitions(dump: ByteSource): Promise<readonly ArchiveEntry[]> {
  const scanner = new ArchiveScanner()
  for await (const chunk of dump) scanner.push(chunk)
  return scanner.finish().toc?.entries ?? []
}

/** Header and table of contents: an archive without data. */
async function readFront(plain: ByteSource): Promise<Uint8Array> {
  let front: Uint8Array | undefined
  const scanner = new ArchiveScanner({
    contents: (_, bytes) => {
      front = Buffer.from(bytes)
    },
  })
  for await (const chunk of plain) {
    scanner.push(chunk)
    if (front !== undefined) return front
  }
  return new Uint8Array()
}
