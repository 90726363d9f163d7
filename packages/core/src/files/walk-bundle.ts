import type { BigIntStats } from 'node:fs'
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises'
import { isAbsolute, relative } from 'node:path'
import type { BundleConfig } from '../config/files-schema.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { type GlobRules, globRules } from './glob-rules.js'

/** Something that goes into a bundle. */
export interface FoundEntry {
  readonly kind: 'file' | 'folder' | 'link'
  /** Relative to the root, with `/` between its parts. Bytes: a name on Linux need not be UTF-8. */
  readonly name: Buffer
  /** Where it lies; for a link that is followed, where that leads. */
  readonly path: Buffer
  readonly stats: BigIntStats
  /** Of a link: what it says. */
  readonly target: Buffer | undefined
}

export interface WalkOptions {
  /** The root, resolved: no link in it. */
  readonly root: string
  /** Folders that are never entered: a store below the root would back up its backups. */
  readonly avoid: readonly string[]
  /** Which pattern took something, by its place among the includes. */
  readonly onMatch?: ((pattern: number) => void) | undefined
  /** What was to be taken and cannot be. */
  readonly onSkipped: (name: Buffer, why: string) => void
  readonly signal?: AbortSignal | undefined
}

const slash = Buffer.from('/')

/**
 * Everything that a bundle takes, sorted by bytes, each folder before what is in it; the folders on the way to something come
 * along, so that their modes and times are kept. Never outside the root: a link is an entry of its own, and is followed
 * only where it was asked for and leads to a place below the root.
 */
export async function* walkBundle(
  bundle: Pick<BundleConfig, 'include' | 'exclude' | 'followSymlinks'>,
  options: WalkOptions,
): AsyncIterable<FoundEntry> {
  const walk = new Walk(globRules(bundle.include, bundle.exclude), bundle.followSymlinks, options)
  yield* walk.folder({ name: Buffer.alloc(0), path: Buffer.from(options.root) }, false, [options.root], [])
}

interface Place {
  readonly name: Buffer
  readonly path: Buffer
}

class Walk {
  constructor(
    readonly rules: GlobRules,
    readonly follow: boolean,
    readonly options: WalkOptions,
  ) {}

  /**
   * @param whole whether all that is in it is taken
   * @param real the real paths of the folders that lead here: a link to one of them would go in circles
   * @param pending the folders that lead here and are not in the bundle yet
   */
  async *folder(at: Place, whole: boolean, real: readonly string[], pending: FoundEntry[]): AsyncIterable<FoundEntry> {
    const { options } = this
    throwIfCancelled(options.signal)
    let names: Buffer[]
    try {
      names = await readdir(at.path, { encoding: 'buffer' })
    } catch (error) {
      options.onSkipped(at.name, reasonOf(error))
      return
    }
    names.sort(Buffer.compare)
    for (const own of names) {
      const name = at.name.length === 0 ? own : Buffer.concat([at.name, slash, own])
      const path = Buffer.concat([at.path, slash, own])
      yield* this.entry({ name, path }, whole, real, pending)
    }
  }

  async *entry(at: Place, whole: boolean, real: readonly string[], pending: FoundEntry[]): AsyncIterable<FoundEntry> {
    const { options, rules } = this
    const text = at.name.toString()
    if (rules.excluded(text)) return
    const pattern = rules.includedBy(text)
    if (pattern !== undefined) options.onMatch?.(pattern)
    const taken = whole || pattern !== undefined
    if (!taken && !rules.mayHold(text)) return
    let found: Found | undefined
    try {
      found = await this.look(at, real)
    } catch (error) {
      if (taken) options.onSkipped(at.name, reasonOf(error))
      return
    }
    if (found.kind === 'other') {
      if (taken) options.onSkipped(at.name, found.why)
      return
    }
    const entry: FoundEntry = { ...at, ...found, kind: found.kind }
    if (found.kind !== 'folder') {
      if (!taken) return
      yield* pending.splice(0)
      yield entry
      return
    }
    if (options.avoid.includes(found.real)) return
    if (taken) {
      yield* pending.splice(0)
      yield entry
    }
    const waiting = taken ? [] : [...pending, entry]
    for await (const one of this.folder({ name: at.name, path: found.path }, taken, [...real, found.real], waiting)) {
      // What waited for this one is out now, for the folders above as well.
      pending.length = 0
      yield one
    }
  }

  async look(at: Place, real: readonly string[]): Promise<Found> {
    const stats = await lstat(at.path, { bigint: true })
    if (stats.isSymbolicLink()) {
      const followed = this.follow ? await this.followed(at.path, real) : undefined
      return followed ?? { kind: 'link', path: at.path, stats, target: await readlink(at.path, { encoding: 'buffer' }) }
    }
    if (stats.isFile()) return { kind: 'file', path: at.path, stats, target: undefined }
    if (stats.isDirectory()) {
      const parent = real.at(-1) ?? ''
      const own = at.path.subarray(at.path.lastIndexOf(slash) + 1).toString()
      return { kind: 'folder', path: at.path, stats, target: undefined, real: `${parent}/${own}` }
    }
    return { kind: 'other', why: whatIs(stats) }
  }

  /** What a link leads to, where that is below the root and does not lead back up. */
  async followed(path: Buffer, real: readonly string[]): Promise<Found | undefined> {
    let target: string
    try {
      target = await realpath(path)
    } catch {
      // It leads nowhere; as a link it is kept.
      return undefined
    }
    const inside = relative(this.options.root, target)
    if (inside === '' || inside === '..' || inside.startsWith('../') || isAbsolute(inside)) return undefined
    const stats = await stat(target, { bigint: true })
    const followed = { path: Buffer.from(target), stats, target: undefined }
    if (stats.isFile()) return { kind: 'file', ...followed }
    if (!stats.isDirectory() || real.includes(target)) return undefined
    return { kind: 'folder', ...followed, real: target }
  }
}

type Found =
  | { readonly kind: 'other'; readonly why: string }
  | ({ readonly path: Buffer; readonly stats: BigIntStats; readonly target: Buffer | undefined } & (
      | { readonly kind: 'file' | 'link' }
      | { readonly kind: 'folder'; readonly real: string }
    ))

function whatIs(stats: BigIntStats): string {
  if (stats.isSocket()) return 'it is a socket'
  return stats.isFIFO() ? 'it is a pipe' : 'it is a device'
}

/** Why a call of the file system failed, without the path, which the caller names. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  if (code === 'EACCES' || code === 'EPERM') return 'it may not be read'
  if (code === 'ENOENT') return 'it went while the backup was made'
  return code ?? (error instanceof Error ? error.message : String(error))
}
