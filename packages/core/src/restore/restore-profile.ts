import type { TableOfContents } from '../archive/archive-header.js'
import type { ProfileFacts } from './inspect-for-profile.js'
import type { EntryRule } from './select-entries.js'

/** A statement that a profile runs on the target before the first definition. */
export interface ProfileStatement {
  readonly sql: string
  /** For people: `create the role anon`. */
  readonly why: string
  /** Run when the restore fails, takes a part only, or brings no default privileges; absent where what was done may stay. */
  readonly undo?: string | undefined
  /** A role that exists afterwards. */
  readonly createsRole?: string | undefined
}

/**
 * What a restore into one kind of target leaves out and prepares, by rules over the archive's table of contents. A rule
 * answers with a stable code as its reason, or that code, a colon and words.
 */
export interface RestoreProfile {
  /** What `--profile` names. */
  readonly name: string
  /** One sentence, for people. */
  readonly describes: string
  /** Schemas that the target's platform fills: what is in them does not make it a target that is not empty. */
  readonly managedSchemas: readonly string[]
  rules(facts: ProfileFacts): readonly EntryRule[]
  /** Statements for what the rules kept. */
  prepare(kept: TableOfContents['entries'], facts: ProfileFacts): readonly ProfileStatement[]
}

export function rolesCreated(statements: readonly ProfileStatement[]): string[] {
  return statements.flatMap(one => one.createsRole ?? [])
}
