import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { ProductConfig } from '../config/config-schema.js'
import type { BundleConfig } from '../config/files-schema.js'
import { BackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import type { EventListener } from '../events/backup-event.js'
import type { ByteSource } from '../streams/byte-source.js'
import { packBundle } from './pack-bundle.js'
import { walkBundle } from './walk-bundle.js'

/** A bundle that has something to take. */
export interface PlannedBundle {
  readonly name: string
  readonly config: BundleConfig
  readonly root: string
  readonly avoid: readonly string[]
  /** Of the files found, as a first guess of what will be stored. */
  readonly expectedBytes: number
}

interface PlanContext {
  /** The configuration's folder. */
  readonly folder: string
  readonly emit: EventListener
  readonly signal: AbortSignal | undefined
}

/**
 * Looks at what each bundle would take, before anything else is done: nobody wants to hear after an hour of dumping that a
 * folder is not there. A pattern that takes nothing is a warning.
 * @throws BackupError `files-missing` where a root is missing, or a bundle would be empty
 */
export async function planBundles(
  config: Pick<ProductConfig, 'files' | 'destinations'>,
  context: PlanContext,
): Promise<PlannedBundle[]> {
  const planned: PlannedBundle[] = []
  const avoid = await storeFolders(config)
  for (const [name, bundle] of Object.entries(config.files ?? {})) {
    const root = await rootOf(name, resolve(context.folder, bundle.root))
    const matched = new Set<number>()
    let entries = 0
    let expectedBytes = 0
    const walk = walkBundle(bundle, {
      ...{ root, avoid, signal: context.signal },
      onMatch: pattern => matched.add(pattern),
      onSkipped: () => {},
    })
    for await (const { kind, stats } of walk) {
      entries++
      if (kind === 'file') expectedBytes += Math.min(Number(stats.size), Number(stats.blocks) * 512 + 512)
    }
    if (entries === 0)
      throw new BackupError('files-missing', `files.${name} takes nothing: no pattern matches anything in ${root}`, {
        hint: 'correct root and include; relative roots start at the configuration’s folder',
      })
    for (const [at, pattern] of bundle.include.entries())
      if (!matched.has(at))
        context.emit({ type: 'warning.raised', message: `files.${name}: ${pattern} matches nothing in ${root}` })
    planned.push({ name, config: bundle, root, avoid, expectedBytes })
  }
  return planned
}

async function rootOf(name: string, path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    throw new BackupError('files-missing', `files.${name}: the folder ${path} is not there`, {
      cause: error,
      hint: `correct files.${name}.root; a relative one starts at the configuration’s folder`,
    })
  }
}

/** Stores on this machine: a bundle whose root is above them must not hold them. */
async function storeFolders({ destinations }: Pick<ProductConfig, 'destinations'>): Promise<string[]> {
  const folders: string[] = []
  for (const { store } of Object.values(destinations)) {
    if (store.name !== 'directory') continue
    // One that is not there yet holds nothing.
    folders.push(await realpath(store.location).catch(() => resolve(store.location)))
  }
  return folders
}

/** What did not go as it should while a bundle was read. */
export interface BundleTrouble {
  changed: number
  leftOut: number
}

/** A bundle as a tar archive. Each entry that is left out, or changed while it was read, is a warning and is counted. */
export async function* bundleSource(
  bundle: PlannedBundle,
  trouble: BundleTrouble,
  { emit, signal }: { readonly emit: EventListener; readonly signal: AbortSignal },
): ByteSource {
  const warn = (name: Buffer, why: string) =>
    emit({
      type: 'warning.raised',
      message: `files.${bundle.name}: ${name.length === 0 ? bundle.root : JSON.stringify(name.toString())}: ${why}`,
    })
  const onSkipped = (name: Buffer, why: string) => {
    trouble.leftOut++
    warn(name, `left out: ${why}`)
  }
  const onChanged = (name: Buffer, how: string) => {
    trouble.changed++
    warn(name, `it changed while it was read: ${how}`)
  }
  try {
    const { root, avoid } = bundle
    yield* packBundle(walkBundle(bundle.config, { root, avoid, onSkipped, signal }), { onSkipped, onChanged, signal })
  } catch (error) {
    if (signal.aborted) throw cancellation(signal)
    throw error instanceof Error && 'syscall' in error
      ? new BackupError(
          'files-unreadable',
          `files.${bundle.name}: a file could not be read to its end: ${error.message}`,
          {
            cause: error,
            hint: 'see to the disk, or leave the file out with exclude',
          },
        )
      : error
  }
}
