import type { z } from 'zod'

type Issue = z.core.$ZodIssue

/** What a schema found, as lines that begin with the path of the key: `products.a.source: missing`. */
export function readableIssues(issues: readonly Issue[], parent: readonly PropertyKey[] = []): readonly string[] {
  return issues.flatMap(issue => {
    const path = [...parent, ...issue.path]
    if (issue.code === 'unrecognized_keys') return issue.keys.map(key => line([...path, key], 'unknown key'))
    const branch = issue.code === 'invalid_union' ? bestBranch(issue.errors) : undefined
    return branch ? readableIssues(branch, path) : [line(path, issue.message)]
  })
}

/** The branch of a union that knows the most of the keys that are there; undefined when several know as many. */
function bestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const ranked = branches
    .map(issues => ({ issues, unknown: countUnknownKeys(issues) }))
    .toSorted((a, b) => a.unknown - b.unknown)
  const [best, second] = ranked
  return best && best.unknown !== second?.unknown ? best.issues : undefined
}

function countUnknownKeys(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 0), 0)
}

function line(path: readonly PropertyKey[], message: string): string {
  return `${path.map(String).join('.') || 'configuration'}: ${message}`
}
