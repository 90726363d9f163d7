import type { FilesRestoreOptions, FilesRestorePlan, FilesRestoreResult, ListedFile } from '@lifeboat/core'
import type { CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { isAddress } from '../open-address.js'
import { oneLine } from '../render/one-line.js'
import { formatBytes, formatCount, formatDuration, formatTime, plural } from '../render/quantities.js'
import { renderFields, renderTable } from '../render/table.js'
import { type RetrieveFlags, retrievalOf } from '../retrieve-options.js'
import type { Session } from '../session.js'
import { UsageError } from '../usage-error.js'
import { confirmRestore } from './confirm-restore.js'

export interface RestoreFilesFlags extends RetrieveFlags {
  /** The name of one bundle; true: all of them. */
  readonly files?: string | true
  readonly toFolder?: string
  readonly path?: readonly string[]
  readonly specialBits?: boolean
  readonly overwrite?: boolean
  readonly keepFailed?: boolean
  readonly allowUnsealed?: boolean
  readonly destination?: string
  readonly list?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** `restore --files`: the files of a backup, into a folder. */
export async function runRestoreFiles(
  session: Session,
  name: string,
  flags: RestoreFilesFlags,
): Promise<CommandResult> {
  const bundles = typeof flags.files === 'string' ? [flags.files] : undefined
  if (flags.list)
    return listFiles(session, name, {
      bundles,
      paths: flags.path,
      destination: flags.destination,
      retrieve: retrievalOf(flags),
    })
  if (flags.toFolder === undefined)
    throw new UsageError("--files needs '--to-folder <folder>'", 'name a folder, new or empty; --list shows the files')
  const lifeboat = await session.open(name)
  const { overwrite, specialBits, keepFailed, allowUnsealed, destination } = flags
  const options: FilesRestoreOptions = {
    ...{ toFolder: flags.toFolder, bundles, paths: flags.path, overwrite, specialBits, keepFailed, allowUnsealed },
    ...{ destination, retrieve: retrievalOf(flags), signal: session.signal, onEvent: session.progress.onEvent },
  }
  const plan = await lifeboat.planFilesRestore(name, options)
  if (flags.dryRun) {
    for (const warning of plan.warnings) session.warn(warning)
    return { status: exitStatus.done, document: { plan }, lines: renderFilesPlan(plan) }
  }
  for (const line of renderFilesPlan(plan)) session.say(line)
  for (const warning of plan.warnings) session.warn(warning)
  if (!flags.yes) await confirmRestore(session, `Restore into ${plan.folder}?`)
  // `latest` may be another backup by now; what was shown is what is restored.
  const planned = isAddress(name, session.io.cwd) ? name : `${plan.product}/${plan.id}`
  const from = planned === name ? options : { ...options, destination: plan.destination }
  const result = await lifeboat.restoreFiles(planned, from)
  return { status: exitStatus.done, document: result, lines: renderFilesRestored(result, session) }
}

function renderFilesPlan(plan: FilesRestorePlan): string[] {
  const fields: (readonly [string, string])[] = [
    [
      'restore',
      oneLine(`files of ${plan.product}/${plan.id} of ${formatTime(plan.createdAt)}, from ${plan.destination}`),
    ],
    ['into', `${oneLine(plan.folder)}${plan.create ? ' (a new folder)' : ''}`],
    ...plan.bundles.map(one => [oneLine(one.name), `${heldBy(one)}, into ${oneLine(one.folder)}`] as const),
  ]
  if (plan.paths !== null) fields.push(['only', oneLine(plan.paths.join(', '))])
  if (plan.overwrite) fields.push(['overwrite', 'files and links that are there are replaced'])
  return renderFields(fields)
}

function renderFilesRestored({ plan, restored, durationMs }: FilesRestoreResult, { colours }: Session): string[] {
  return [
    `${colours.green('restored')} ${oneLine(`files of ${plan.product}/${plan.id} into ${plan.folder}`)} in ${formatDuration(durationMs)}`,
    ...renderFields(
      restored.map(one => [oneLine(one.name), `${heldBy(one)}, each read again and equal`] as const),
      '  ',
    ),
  ]
}

function heldBy(one: {
  readonly files: number
  readonly folders: number
  readonly links: number
  readonly bytes: number
}) {
  return `${plural(one.files, 'file')}, ${plural(one.folders, 'folder')}, ${plural(one.links, 'link')}, ${formatBytes(one.bytes)}`
}

async function listFiles(
  session: Session,
  name: string,
  options: Pick<FilesRestoreOptions, 'bundles' | 'paths' | 'destination' | 'retrieve'>,
): Promise<CommandResult> {
  const lifeboat = await session.open(name)
  const files = await lifeboat.files(name, { ...options, signal: session.signal, onEvent: session.progress.onEvent })
  const columns = [
    { title: 'BUNDLE', cell: (one: ListedFile) => oneLine(one.bundle) },
    { title: 'MODE', cell: (one: ListedFile) => one.mode },
    {
      title: 'SIZE',
      align: 'right' as const,
      cell: (one: ListedFile) => (one.kind === 'file' ? formatCount(one.sizeBytes) : one.kind),
    },
    { title: 'MODIFIED', cell: (one: ListedFile) => (one.modifiedAt === 'unknown' ? '-' : formatTime(one.modifiedAt)) },
    { title: 'NAME', cell: nameOf },
  ]
  return { status: exitStatus.done, document: { files }, lines: renderTable(columns, files, session.colours.bold) }
}

/** A name may hold anything; what would move the cursor or break the line is escaped. */
function nameOf({ name, target }: ListedFile): string {
  return oneLine(target === null ? name : `${name} -> ${target}`)
}
