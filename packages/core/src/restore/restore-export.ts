import { join } from 'node:path'
import { progressing } from '../events/progressing.js'
import { plainBytes } from '../repository/read-artifact.js'
import { dropNamedObjects } from './drop-named-objects.js'
import { dropTables } from './drop-tables.js'
import {
  grantToRoles,
  keptEntries,
  onlyKept,
  prepareTarget,
  type RestoreWork,
  restoreDefinitions,
  restoreFrom,
} from './restore-work.js'
import { unpackExport } from './unpack-export.js'

/** Restores a mirrored export: unpacked into the working folder, whence pg_restore reads it. Resolves to how many tables. */
export async function restoreExport(work: RestoreWork): Promise<number> {
  const { job, prepared, folder, jobs, emit, timed } = work
  const { plan, target, part, artifact } = prepared
  const { signal } = work.options
  const only = await onlyKept(work)
  const unpacked = join(folder, 'export')
  const watched = progressing(plainBytes(job.backup, artifact, job.unlock, signal), {
    ...{ stage: 'restore', totalBytes: artifact.plainBytes, emit },
  })
  await timed('unpack', () => unpackExport(watched, unpacked, signal))
  work.touch()
  if (part !== undefined) await timed('drop tables', () => dropTables(target, part.inTheWay, signal))
  else if (plan.overwrite)
    await timed('drop what the backup names', () => dropNamedObjects(target, keptEntries(work), signal))
  await prepareTarget(work)
  await restoreDefinitions(work, unpacked, only)
  await timed('rows, indexes, constraints, triggers', () =>
    restoreFrom(work, unpacked, ['--section=data', '--section=post-data', `--jobs=${jobs}`, ...only]),
  )
  await grantToRoles(work)
  return plan.tables ?? 0
}
