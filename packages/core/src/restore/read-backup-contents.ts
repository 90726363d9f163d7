import type { BackupContents, ContentsOptions } from '../api/restoring.js'
import { BackupError } from '../errors/backup-error.js'
import { restorableArtifact } from '../repository/locate-artifact.js'
import { chooseTables } from './choose-tables.js'
import { describeEntry, describeNeeded } from './describe-selection.js'
import type { RestoreJob } from './plan-restore.js'
import { readContents } from './read-contents.js'

/** Says what a backup holds, and what a choice of its tables would bring along in a database that has nothing yet. */
export async function readBackupContents(
  job: Pick<RestoreJob, 'backup' | 'unlock'>,
  options: ContentsOptions,
): Promise<BackupContents> {
  const { backup } = job
  const { manifest } = backup
  const { product, id } = manifest
  const artifact = restorableArtifact(manifest)
  if (artifact === undefined) throw new BackupError('backup-missing', `${product}/${id} holds no database`)
  const toc = await readContents(backup, artifact, job.unlock, options.signal)
  if (toc === undefined) {
    throw new BackupError(
      'selection-invalid',
      `the contents of ${product}/${id} cannot be listed: its archive is of a version that is not known here`,
      { hint: '`pg_restore --list` of the same major as its pg_dump reads it; or update lifeboat' },
    )
  }
  const choice = { withReferenced: options.withReferenced ?? false, inTarget: () => false }
  const chosen = options.tables && chooseTables(toc.entries, { ...choice, tables: options.tables })
  const taken = chosen && new Set([...chosen.chosen, ...chosen.required.map(one => one.entry)])
  const sizes = new Map((manifest.tables ?? []).map(table => [`${table.schema}\0${table.name}`, table]))
  return {
    ...{ product, id, destination: backup.destination, createdAt: manifest.createdAt },
    tables: toc.entries
      .filter(entry => /^(TABLE|FOREIGN TABLE|VIEW|MATERIALIZED VIEW)$/.test(entry.description))
      .filter(entry => taken === undefined || taken.has(entry))
      .map(entry => {
        const { rows = null, bytes = null } = sizes.get(`${entry.namespace ?? ''}\0${entry.tag}`) ?? {}
        return { ...describeEntry(entry), rows, bytes }
      }),
    kinds: countKinds(toc.entries.map(entry => entry.description)),
    required: chosen?.required.map(describeNeeded) ?? [],
    offered: chosen?.offered.map(describeNeeded) ?? [],
  }
}

function countKinds(kinds: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
