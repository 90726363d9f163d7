import type { ArchivedObjects } from '../api/objects.js'
import { BackupError } from '../errors/backup-error.js'
import type { ContentMarks } from './content-marks.js'
import { type ArchivedContent, findArchived } from './find-archived.js'
import type { SnapshotPlace } from './snapshot.js'

/** Counts content that cannot be read now. */
export function tallyArchived() {
  let [contents, storedBytes, retrieving] = [0, 0, 0]
  let storageClass: string | undefined
  return {
    /** Whether it cannot be read now. */
    add(found: ArchivedContent): boolean {
      if (found.archive.state === 'readable') return false
      contents += 1
      storedBytes += found.storedBytes
      if (found.archive.state === 'retrieving') retrieving += 1
      storageClass ??= found.storageClass
      return true
    },
    told: (): ArchivedObjects | null =>
      storageClass === undefined ? null : { contents, storedBytes, retrieving, storageClass },
  }
}

/** How much of the needed content cannot be read now; null: all of it can. */
export async function summariseArchived(
  place: SnapshotPlace,
  needed: ContentMarks,
  signal: AbortSignal | undefined,
): Promise<ArchivedObjects | null> {
  const tally = tallyArchived()
  for await (const found of findArchived(place, needed, signal)) tally.add(found)
  return tally.told()
}

/** How much that is, for people: `12 contents (1.4 GB) lie in DEEP_ARCHIVE, 3 of them are being retrieved`. */
export function describeArchived({ contents, storedBytes, retrieving, storageClass }: ArchivedObjects): string {
  const what = `${contents === 1 ? '1 content' : `${contents} contents`} (${size(storedBytes)})`
  const lie = `${what} ${contents === 1 ? 'lies' : 'lie'} in ${storageClass}`
  if (retrieving === 0) return lie
  if (retrieving === contents) return `${what} ${contents === 1 ? 'is' : 'are'} being retrieved from ${storageClass}`
  return `${lie}, ${retrieving} of them ${retrieving === 1 ? 'is' : 'are'} being retrieved`
}

/** What stands against reading archived content, where nobody has asked for it. @param less how less of it is asked for */
export function contentArchived(archived: ArchivedObjects, less?: string): BackupError {
  if (archived.retrieving === archived.contents) return contentUnderWay(archived, undefined)
  return new BackupError(
    'object-archived',
    `${describeArchived(archived)}, and must be retrieved before the objects in it can be read`,
    {
      hint: `\`--retrieve\` asks the service for all of it, which costs money and takes hours; \`--wait 12h\` waits for it${less === undefined ? '' : `; ${less}`}`,
    },
  )
}

/** The same where it was asked for. @param readableAt when it should be there; undefined where nobody says */
export function contentUnderWay(archived: ArchivedObjects, readableAt: Date | undefined): BackupError {
  const when =
    readableAt === undefined ? 'in some hours' : `after ${readableAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const retrieving = { ...archived, retrieving: archived.contents }
  return new BackupError('object-archived', describeArchived(retrieving), {
    hint: `come back ${when} and run the same again; \`--retrieve --wait 12h\` waits for it`,
  })
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

function size(bytes: number): string {
  const at = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${at === 0 ? bytes : (bytes / 1024 ** at).toFixed(1)} ${units[at]}`
}
