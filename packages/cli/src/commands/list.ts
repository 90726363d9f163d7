import type { ListedBackup, ListResult, Unreadable } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult, destinationOption } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { rowsOf } from '../render/backup-lines.js'
import { oneLine } from '../render/one-line.js'
import { formatAge, formatBytes, formatCount, formatTime } from '../render/quantities.js'
import { type Column, renderTable } from '../render/table.js'
import type { Session } from '../session.js'
import { listProviders } from './list-providers.js'

export function defineList(program: Command, choose: Choose): void {
  addCommand(program, 'list', 'list the backups of products (default: all of them), newest first', [
    'lifeboat list',
    'lifeboat list shop --destination offsite',
    'lifeboat list shop --provider',
    "lifeboat list --json | jq '.backups[0].id'",
  ])
    .argument('[products...]', 'names from the configuration')
    .addOption(destinationOption().conflicts('provider'))
    .option('--provider', "the provider's own backups and recovery window instead")
    .action((products: string[], flags: { destination?: string; provider?: boolean }) =>
      choose(session =>
        flags.provider ? listProviders(session, products) : runList(session, products, flags.destination),
      ),
    )
}

async function runList(
  session: Session,
  named: readonly string[],
  destination: string | undefined,
): Promise<CommandResult> {
  const lifeboat = await session.open()
  const results: ListResult[] = []
  const options = { destination, signal: session.signal, onEvent: session.progress.onEvent }
  if (named.length === 0) results.push(await lifeboat.list(undefined, options))
  else
    for (const product of session.chooseProducts(lifeboat, named)) results.push(await lifeboat.list(product, options))
  const backups = results
    .flatMap(result => result.backups)
    .sort((a, b) => b.manifest.createdAt.localeCompare(a.manifest.createdAt))
  const unreadable = results.flatMap(result => result.unreadable)
  for (const one of unreadable) session.warn(unreadableLine(one))
  if (backups.length === 0) session.say('no backups yet; make one with: lifeboat backup')
  const nowMs = session.now().getTime()
  return {
    status: exitStatus.done,
    document: { backups: backups.map(documentOf), unreadable },
    lines: backups.length === 0 ? [] : renderTable(columnsAt(nowMs), backups, session.colours.bold),
  }
}

function unreadableLine({ product, destination, key, message }: Unreadable): string {
  return `unreadable: ${product} at ${destination}: ${key}: ${message}`
}

function columnsAt(nowMs: number): readonly Column<ListedBackup>[] {
  return [
    { title: 'PRODUCT', cell: backup => oneLine(backup.product) },
    { title: 'ID', cell: backup => oneLine(backup.id) },
    { title: 'CREATED', cell: backup => formatTime(backup.manifest.createdAt) },
    { title: 'AGE', align: 'right', cell: backup => formatAge(nowMs - Date.parse(backup.manifest.createdAt)) },
    { title: 'DESTINATION', cell: backup => backup.destination },
    { title: 'ROWS', align: 'right', cell: backup => countOrDash(rowsOf(backup.manifest)) },
    { title: 'SIZE', align: 'right', cell: backup => formatBytes(backup.storedBytes) },
    { title: 'REASON', cell: backup => oneLine(backup.manifest.reason) },
  ]
}

function countOrDash(count: number | null): string {
  return count === null ? '-' : formatCount(count)
}

function documentOf(backup: ListedBackup) {
  const { manifest } = backup
  return {
    product: backup.product,
    id: backup.id,
    destination: backup.destination,
    location: backup.location,
    createdAt: manifest.createdAt,
    finishedAt: manifest.finishedAt,
    reason: manifest.reason,
    labels: manifest.labels,
    tables: manifest.tables === null ? null : manifest.tables.length,
    rows: rowsOf(manifest),
    plainBytes: manifest.artifacts.reduce((sum, artifact) => sum + artifact.plainBytes, 0),
    storedBytes: backup.storedBytes,
  }
}
