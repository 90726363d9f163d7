import picomatch from 'picomatch'

/** What of a folder's tree is taken. Names are relative to the root, with `/` between them. */
export interface GlobRules {
  /** Which pattern takes this, by its place among the includes; undefined when none does. */
  includedBy(name: string): number | undefined
  excluded(name: string): boolean
  /** Whether a pattern takes this, or a folder that it lies in. */
  covers(name: string): boolean
  /** Whether something below this folder could be taken. */
  mayHold(folder: string): boolean
}

/** `s`: names hold newlines, too. Hidden files are files like others: a backup that leaves them out has lost them. */
const options = { dot: true, flags: 's' } as const

export function globRules(include: readonly string[], exclude: readonly string[]): GlobRules {
  const matchers = include.map(one => matcherOf(one))
  const excluding = exclude.map(one => matcherOf(one))
  const holding = include.map(folderMatcher)
  const included = (name: string) => matchers.some(matches => matches(name))
  return {
    includedBy(name) {
      const at = matchers.findIndex(matches => matches(name))
      return at === -1 ? undefined : at
    },
    covers: name => name.split('/').some((_, at, parts) => included(parts.slice(0, at + 1).join('/'))),
    excluded: name => excluding.some(matches => matches(name)),
    mayHold: folder => holding.some(matches => matches(folder)),
  }
}

function matcherOf(pattern: string): (name: string) => boolean {
  return picomatch(pattern.replace(/\/$/, ''), options)
}

/** Whether a folder is on the way to what a pattern names: `config` and `config/prod` are for `config/*` + `/a.json`. */
function folderMatcher(pattern: string): (folder: string) => boolean {
  // A slash within braces or brackets belongs to no single level: enter whatever lies below the fixed beginning.
  if (/[{(]/.test(pattern)) {
    const { base } = picomatch.scan(pattern)
    return folder => base === '' || `${base}/`.startsWith(`${folder}/`) || `${folder}/`.startsWith(`${base}/`)
  }
  const parts = pattern.split('/')
  const deep = parts.indexOf('**')
  const levels = (deep === -1 ? parts.slice(0, -1) : parts.slice(0, deep)).map(part => matcherOf(part))
  return folder => {
    const names = folder.split('/')
    if (names.length > levels.length && deep === -1) return false
    return names.every((name, at) => levels[at]?.(name) ?? true)
  }
}
