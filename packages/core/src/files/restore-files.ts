import { mkdir, readdir, realpath, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type {
  FilesRestoreOptions,
  FilesRestorePlan,
  FilesRestoreResult,
  ListedFile,
  RestoredFiles,
} from '../api/restoring-files.js'
import type { RunOptions } from '../api/run-options.js'
import type { Unlock } from '../encryption/open-pgp.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import { emitterFor } from '../events/backup-event.js'
import { progressing } from '../events/progressing.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import type { Artifact } from '../repository/manifest.js'
import { plainBytes, readThrough } from '../repository/read-artifact.js'
import { requireSeal } from '../restore/require-seal.js'
import type { SealKeys } from '../seal/manifest-seal.js'
import { bundleDiffers } from '../verify/prove-other.js'
import { globRules } from './glob-rules.js'
import { readBundle } from './read-bundle.js'
import { unpackBundle } from './unpack-bundle.js'

export interface FilesRestoreJob {
  readonly backup: LocatedBackup
  readonly unlock: Unlock
  readonly sealKeys: SealKeys
}

/**
 * Decides what a restore of files would do; changes nothing.
 * @throws BackupError `backup-missing`, `target-not-empty`, `target-unfit`, `seal-wrong`, `seal-missing`
 */
export async function planFilesRestore(job: FilesRestoreJob, options: FilesRestoreOptions): Promise<FilesRestorePlan> {
  const { manifest, destination } = job.backup
  const artifacts = chooseBundles(job.backup, options.bundles)
  const warnings = await requireSeal(manifest, job.sealKeys, options)
  const folder = resolve(options.toFolder)
  const overwrite = options.overwrite ?? false
  const there = await namesIn(folder)
  if (there !== undefined && there.length > 0 && !overwrite)
    throw new BackupError('target-not-empty', `the folder ${folder} is not empty`, {
      hint: 'name a new folder, or give --overwrite to replace files that are there',
    })
  for (const { name, files } of artifacts) {
    if (files !== undefined && files.changed > 0)
      warnings.push(`${files.changed} files of ${name} changed while they were backed up, and may be torn`)
    if (files !== undefined && files.leftOut > 0)
      warnings.push(`${files.leftOut} files of ${name} could not be backed up, and are not in it`)
  }
  return {
    ...{ product: manifest.product, id: manifest.id, destination, createdAt: manifest.createdAt },
    ...{ folder, create: there === undefined, overwrite, paths: options.paths ?? null, warnings },
    bundles: artifacts.map(({ name, files }) => ({
      name,
      folder: artifacts.length === 1 ? folder : join(folder, name),
      ...{ files: files?.files ?? 0, folders: files?.folders ?? 0, links: files?.links ?? 0, bytes: files?.bytes ?? 0 },
    })),
  }
}

/**
 * Brings the files of a backup back: streamed from the store into the folder, each file read again once it is written, each
 * bundle read to its proven end.
 * @throws BackupError `restore-failed`, and what {@link planFilesRestore} and reading the backup throw
 */
export async function restoreFiles(job: FilesRestoreJob, options: FilesRestoreOptions): Promise<FilesRestoreResult> {
  const started = performance.now()
  const emit = emitterFor(options.onEvent)
  const plan = await planFilesRestore(job, options)
  for (const message of plan.warnings) emit({ type: 'warning.raised', message })
  const restored: RestoredFiles[] = []
  const wasEmpty = plan.create || (await namesIn(plan.folder))?.length === 0
  const { artifacts } = job.backup.manifest
  const bundleOf = (name: string) => artifacts.find(one => one.kind === 'files' && one.name === name)!
  if (!wasEmpty)
    for (const { name } of plan.bundles) await readThrough(job.backup, bundleOf(name), { emit, signal: options.signal })
  const made = plan.create ? await makeNewFolder(plan.folder) : await makeFolder(plan.folder)
  try {
    for (const { name, folder } of plan.bundles) {
      const artifact = bundleOf(name)
      restored.push(await restoreBundle(job, artifact, await makeFolder(folder), options))
    }
  } catch (error) {
    // Where something came up meanwhile somebody else writes here, too, and that is not ours to remove.
    const shared = isBackupError(error, 'target-not-empty')
    if (wasEmpty && !shared && !options.keepFailed) await empty(made, plan.create)
    throw options.signal?.aborted ? cancellation(options.signal) : error
  }
  return { plan, restored, durationMs: performance.now() - started }
}

/** Unpacks one bundle into a folder that is there. Also what a drill does. */
export async function restoreBundle(
  { backup, unlock }: Pick<FilesRestoreJob, 'backup' | 'unlock'>,
  artifact: Artifact,
  folder: string,
  options: Pick<FilesRestoreOptions, 'paths' | 'overwrite' | 'specialBits' | 'signal' | 'onEvent'>,
): Promise<RestoredFiles> {
  const emit = emitterFor(options.onEvent)
  const { whole, written } = await unpackBundle(
    progressing(plainBytes(backup, artifact, unlock, options.signal), {
      ...{ stage: 'restore', totalBytes: artifact.plainBytes, detail: () => artifact.name, emit },
    }),
    {
      ...{ folder, overwrite: options.overwrite ?? false, specialBits: options.specialBits ?? false },
      wants: wanted(options.paths),
      onWarning: message => emit({ type: 'warning.raised', message: `${artifact.name}: ${message}` }),
      signal: options.signal,
    },
  )
  const [differs] = bundleDiffers(artifact, whole)
  if (differs !== undefined)
    throw new BackupError('object-damaged', differs.message, { hint: 'use another backup or destination' })
  if (options.paths !== undefined && written.files + written.folders + written.links === 0)
    emit({ type: 'warning.raised', message: `nothing in ${artifact.name} matches ${options.paths.join(', ')}` })
  return { name: artifact.name, folder, ...written }
}

/** The entries of a backup's bundles. */
export async function listFiles(
  { backup, unlock }: Pick<FilesRestoreJob, 'backup' | 'unlock'>,
  options: RunOptions & Pick<FilesRestoreOptions, 'bundles' | 'paths'>,
): Promise<ListedFile[]> {
  const listed: ListedFile[] = []
  const wants = wanted(options.paths)
  for (const artifact of chooseBundles(backup, options.bundles)) {
    for await (const entry of readBundle(plainBytes(backup, artifact, unlock, options.signal))) {
      const name = entry.name.toString()
      if (!wants(name)) continue
      const { kind, sizeBytes, mode, mtimeNs, target } = entry
      listed.push({
        ...{ bundle: artifact.name, kind, name, sizeBytes, mode: mode.toString(8) },
        modifiedAt: timeOf(mtimeNs),
        target: kind === 'link' ? target.toString() : null,
      })
    }
  }
  return listed
}

function wanted(paths: readonly string[] | undefined): (name: string) => boolean {
  if (paths === undefined) return () => true
  const rules = globRules(paths, [])
  return name => rules.covers(name)
}

function chooseBundles({ manifest }: LocatedBackup, named: readonly string[] | undefined): Artifact[] {
  const all = manifest.artifacts.filter(one => one.kind === 'files')
  const unknown = named?.find(name => !all.some(one => one.name === name))
  if (all.length === 0 || unknown !== undefined)
    throw new BackupError(
      'backup-missing',
      `${manifest.product}/${manifest.id} holds no files${unknown === undefined || all.length === 0 ? '' : ` called ${unknown}`}`,
      {
        hint:
          all.length === 0
            ? '`lifeboat show` says what a backup holds'
            : `it holds: ${all.map(one => one.name).join(', ')}`,
      },
    )
  return named === undefined ? all : all.filter(one => named.includes(one.name))
}

/** What is in a folder; undefined where there is none. @throws BackupError `target-unfit` */
async function namesIn(folder: string): Promise<string[] | undefined> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw unfit(folder, error)
  }
}

async function makeFolder(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true })
    return await realpath(folder)
  } catch (error) {
    throw unfit(folder, error)
  }
}

/** Of two restores into one new folder, one makes it. @throws BackupError `target-not-empty` */
async function makeNewFolder(folder: string): Promise<string> {
  await makeFolder(dirname(folder))
  try {
    await mkdir(folder)
    return await realpath(folder)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw unfit(folder, error)
    throw new BackupError('target-not-empty', `the folder ${folder} was made by somebody else a moment ago`, {
      cause: error,
      hint: 'is another restore running? Name a folder of its own',
    })
  }
}

function unfit(folder: string, error: unknown): BackupError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  return new BackupError('target-unfit', `${folder} cannot be restored into: ${code}`, {
    cause: error,
    hint: 'name a folder, new or empty, that you may write to',
  })
}

/** Takes away what a failed restore left in a folder that was empty, and the folder where it was not there. */
async function empty(folder: string, whole: boolean): Promise<void> {
  if (whole) return rm(folder, { recursive: true, force: true })
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
}

function timeOf(ns: bigint): string {
  const date = new Date(Number(ns / 1_000_000n))
  return Number.isNaN(date.getTime()) ? 'unknown' : date.toISOString()
}
