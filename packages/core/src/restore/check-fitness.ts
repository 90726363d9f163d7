import type { ArchiveEntry } from '../archive/archive-header.js'
import { BackupError } from '../errors/backup-error.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import type { TargetFacts } from './inspect-target.js'
import type { Definer } from './plan-restore.js'
import { rolesNamed } from './roles-named.js'

/**
 * Whether a target can take what is kept of an archive: its version, extensions, owners and roles. What it lacks and can be
 * left out is a warning.
 * @throws BackupError `target-unfit`
 */
export function checkFitness(
  source: LocatedBackup['manifest']['source'],
  kept: readonly ArchiveEntry[] | undefined,
  facts: TargetFacts,
  target: ConnectionTarget,
  definer: Definer | undefined,
): { readonly warnings: string[]; readonly keepOwners: boolean } {
  const warnings: string[] = []
  const sourceMajor = Number.parseInt(source.serverVersion, 10)
  if (facts.serverMajor < sourceMajor)
    warnings.push(
      `the target runs PostgreSQL ${facts.serverVersion}, older than the source's ${source.serverVersion}: what is new in ${sourceMajor} cannot be restored there`,
    )
  const extensions = kept
    ? kept.filter(entry => entry.description === 'EXTENSION').map(entry => entry.tag)
    : source.extensions.map(one => one.name)
  const lacking = extensions.filter(name => !facts.availableExtensions.has(name))
  if (lacking.length > 0) {
    throw new BackupError('target-unfit', `the target server lacks the extension ${lacking.join(', ')}`, {
      hint: 'install it on the target server, or restore to a server that has it',
    })
  }
  const entries = kept ?? []
  const owners = new Set(entries.map(entry => entry.owner).filter(owner => owner !== null))
  const missingOwners = [...owners].filter(owner => !facts.roles.has(owner))
  const foreignOwners = [...owners].filter(owner => owner !== target.user)
  const keepOwners = missingOwners.length === 0 && (facts.superuser || foreignOwners.length === 0)
  if (!keepOwners && foreignOwners.length > 0 && definer === undefined)
    warnings.push(`objects of ${foreignOwners.join(', ')} will belong to ${target.user}`)
  const missing = [...rolesNamed(entries, /^(ACL|DEFAULT ACL)$/)].filter(role => !facts.roles.has(role))
  if (missing.length > 0) warnings.push(`grants to ${missing.join(', ')} are left out: no such role on the target`)
  const needed = [...rolesNamed(entries, /^POLICY$/)].filter(role => !facts.roles.has(role))
  if (needed.length > 0) {
    throw new BackupError(
      'target-unfit',
      `row-level security policies name roles that the target does not have: ${needed.join(', ')}`,
      {
        hint: `create them there first: ${needed.map(role => `create role "${role}"`).join('; ')}`,
      },
    )
  }
  return { warnings, keepOwners }
}
