import type { EntryRule, ProfileFacts, ProfileStatement } from '@lifeboat/core'
import { rolesIn, schemaOf, subjectOf } from './entry-names.js'
import { isPlatformPublication, platformExtensions } from './platform.js'

type Kept = Parameters<EntryRule>[0]

/** Kinds that only a superuser may create. https://www.postgresql.org/docs/current/sql-commands.html */
const superuserOnly: ReadonlySet<string> = new Set([
  ...['ACCESS METHOD', 'FOREIGN DATA WRAPPER', 'OPERATOR CLASS', 'OPERATOR FAMILY', 'PROCEDURAL LANGUAGE'],
  ...['SECURITY LABEL', 'SUBSCRIPTION', 'SUBSCRIPTION TABLE', 'TEXT SEARCH PARSER', 'TEXT SEARCH TEMPLATE'],
])

/** Rules that hold for what comes from Supabase, wherever it goes. */
export function sharedRules(facts: ProfileFacts): EntryRule[] {
  return [
    eventTriggers,
    extensions(facts),
    publications(facts),
    privileged(facts),
    defaultPrivileges(facts),
    grants(facts),
  ]
}

/** Supabase's event triggers are the platform's, and making one takes a superuser. */
function eventTriggers(entry: Kept) {
  if (entry.description === 'EVENT TRIGGER' || subjectOf(entry)?.kind === 'EVENT TRIGGER') return 'event-trigger'
  return undefined
}

function extensions(facts: ProfileFacts): EntryRule {
  return entry => {
    const subject = entry.description === 'EXTENSION' ? entry.tag : undefined
    if (subject === undefined)
      return subjectOf(entry)?.kind === 'EXTENSION' ? { reason: 'extension-comment', cascades: false } : undefined
    if (facts.installedExtensions.has(subject)) return { reason: 'in-target', cascades: false }
    if (platformExtensions.has(subject)) return 'platform-extension'
    if (!facts.availableExtensions.has(subject)) return 'extension-unavailable'
    return undefined
  }
}

function publications(facts: ProfileFacts): EntryRule {
  return entry => {
    const subject = subjectOf(entry)
    const name =
      entry.description === 'PUBLICATION' ? entry.tag : subject?.kind === 'PUBLICATION' ? subject.name : undefined
    if (name !== undefined) {
      const there = facts.publications.get(name)
      // Tables can be added to one that is there; only its owner may.
      if (there) return { reason: 'publication', cascades: !there.owned }
      if (isPlatformPublication(name)) return 'publication'
      return facts.superuser || !/FOR (ALL TABLES|TABLES IN SCHEMA)/i.test(entry.definition)
        ? undefined
        : 'needs-superuser'
    }
    return undefined
  }
}

/** A schema that is there need not be made. */
export function existingSchemas(facts: ProfileFacts): EntryRule {
  return entry =>
    entry.description === 'SCHEMA' && facts.schemas.has(entry.tag)
      ? { reason: 'in-target', cascades: false }
      : undefined
}

function privileged(facts: ProfileFacts): EntryRule {
  return entry => {
    if (facts.superuser) return undefined
    // pg_dump writes it where somebody else than the owner granted.
    if (/^SET SESSION AUTHORIZATION/m.test(entry.definition) && entry.description === 'ACL') return 'granted-by-others'
    if (superuserOnly.has(entry.description)) return 'needs-superuser'
    if (entry.description === 'FUNCTION' && /\bLANGUAGE (c|internal)\b/i.test(entry.definition))
      return 'needs-superuser'
    return undefined
  }
}

/** Default privileges belong to a role, here the entry's owner; only who may act as it can set them. */
function defaultPrivileges(facts: ProfileFacts): EntryRule {
  return entry => {
    if (entry.description !== 'DEFAULT ACL' || entry.owner === null) return undefined
    return facts.superuser || facts.actsAs.has(entry.owner) ? undefined : 'default-privileges'
  }
}

/** Grants on schemas that are somebody else's, and grants and policies for roles that neither are nor can be there. */
function grants(facts: ProfileFacts): EntryRule {
  return entry => {
    const schema = schemaOf(entry)
    const aboutSchema = schema !== undefined && subjectOf(entry)?.kind === 'SCHEMA'
    if (aboutSchema && facts.schemas.get(schema)?.owned === false && !facts.superuser) return 'not-owned-schema'
    if (facts.canCreateRoles) return undefined
    return lacksRoles(entry, role => !facts.roles.has(role)) ? 'missing-role' : undefined
  }
}

/**
 * Whether roles are missing without which nothing of an entry could be restored. Of grants those to roles that are there
 * come back, so an entry is left out only where none of its grants would.
 */
export function lacksRoles(entry: Kept, isMissing: (role: string) => boolean): boolean {
  if (!rolesIn(entry).some(isMissing)) return false
  if (entry.description === 'POLICY') return true
  const statements = entry.definition.split('\n').filter(line => /^(GRANT|REVOKE|ALTER) /.test(line))
  return !statements.some(definition => !rolesIn({ ...entry, definition }).some(isMissing))
}

/** The roles that grants and policies name and the target lacks: without login, so that they open nothing. */
export function createMissingRoles(
  kept: readonly Kept[],
  facts: ProfileFacts,
  mayMake: (role: string) => boolean = () => true,
): ProfileStatement[] {
  const missing = new Set(kept.flatMap(rolesIn).filter(role => !facts.roles.has(role) && mayMake(role)))
  if (!facts.canCreateRoles) return []
  return [...missing].sort().map(role => ({
    sql: `CREATE ROLE "${role.replaceAll('"', '""')}" NOLOGIN`,
    why: `create the role ${role}, without login`,
    createsRole: role,
  }))
}
