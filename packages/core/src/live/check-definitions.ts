import type { Finding } from '../api/verification.js'
import type { ArchiveEntry } from '../archive/archive-header.js'
import { compareContents } from '../drill/compare-contents.js'
import type { Unlock } from '../encryption/open-pgp.js'
import { isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { type Checked, checked } from '../verify/checked.js'
import { liveDefinitionAdded, liveDefinitionMissing, liveDefinitionsUnread } from '../verify/finding.js'
import { type DiffJob, readBoth } from './diff-backup.js'

/** What is compared by name, and how the kinds are called in an archive. */
const kinds: readonly (readonly [name: string, descriptions: RegExp])[] = [
  ['functions', /^(FUNCTION|PROCEDURE|AGGREGATE)$/],
  ['policies', /^POLICY$/],
  ['extensions', /^EXTENSION$/],
  // Keys have indexes, too.
  ['indexes', /^(INDEX|CONSTRAINT)$/],
  ['triggers', /^(EVENT )?TRIGGER$/],
]
/** So many names tell what happened; `lifeboat diff` lists all. */
const named = 10

/**
 * Compares functions, policies, extensions, indexes and triggers of the live database by name with what the backup's
 * table of contents holds. What the database lost is a warning, what it gained is only said: a migration does both.
 */
export async function checkDefinitions(
  job: Omit<DiffJob, 'unlock'> & { readonly unlock: () => Promise<Unlock> },
  signal: AbortSignal | undefined,
): Promise<Checked[]> {
  try {
    const { expected, found } = await readBoth({ ...job, unlock: await job.unlock() }, signal)
    return compareDefinitions(expected, found, `lifeboat diff ${job.backup.manifest.product}/${job.backup.manifest.id}`)
  } catch (error) {
    throwIfCancelled(signal)
    if (!isBackupError(error)) throw error
    // A machine that verifies need not have the client programs, and a table may be locked for hours.
    const message = `the definitions of the live database were not compared: ${error.message}`
    return [
      checked('live definitions', [
        { severity: 'info', code: liveDefinitionsUnread, message, hint: error.hint ?? 'lifeboat diff says more' },
      ]),
    ]
  }
}

/** Pure: a check for each kind. */
export function compareDefinitions(
  expected: readonly ArchiveEntry[],
  found: readonly ArchiveEntry[],
  diffCommand: string,
): Checked[] {
  return kinds.map(([kind, descriptions]) => {
    const [wanted, there] = [expected, found].map(all => all.filter(entry => descriptions.test(entry.description)))
    const differences = compareContents(wanted!, there!, { definitions: false })
    const findings = (['missing', 'added'] as const).flatMap(what => {
      const entries = differences.filter(one => one.kind === what).map(one => one.entry)
      return entries.length === 0 ? [] : [finding(what, kind, entries, diffCommand)]
    })
    return checked(`live ${kind} by name`, findings, `${there!.length} now, ${wanted!.length} in the backup`)
  })
}

function finding(what: 'missing' | 'added', kind: string, entries: readonly string[], diffCommand: string): Finding {
  const more = entries.length > named ? ` and ${entries.length - named} more` : ''
  const names = `${entries.slice(0, named).join(', ')}${more}`
  if (what === 'missing')
    return {
      ...{ severity: 'warning', code: liveDefinitionMissing },
      message: `${kind} of the backup are not in the live database: ${names}`,
      hint: `see who dropped them: \`${diffCommand}\` lists every difference`,
    }
  return {
    ...{ severity: 'info', code: liveDefinitionAdded },
    message: `${kind} of the live database are not in the backup: ${names}`,
    hint: `the next backup has them; \`${diffCommand}\` lists every difference`,
  }
}
