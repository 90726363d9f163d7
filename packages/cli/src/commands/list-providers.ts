import type { ProviderBackup, ProviderListing } from '@lifeboat/core'
import type { CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { forEachProduct } from '../for-each-product.js'
import { oneLine } from '../render/one-line.js'
import { formatAge, formatBytes, formatTime } from '../render/quantities.js'
import { restorePointLine, windowLine } from '../render/recovery-lines.js'
import { type Column, renderTable } from '../render/table.js'
import type { Session } from '../session.js'

/** `lifeboat list --provider`. */
export async function listProviders(session: Session, named: readonly string[]): Promise<CommandResult> {
  const lifeboat = await session.open()
  const products = session.chooseProducts(lifeboat, named)
  const done = await forEachProduct<ProviderListing>(session, products, async product => [
    await lifeboat.providerBackups(product, { signal: session.signal, onEvent: session.progress.onEvent }),
  ])
  return {
    status: done.statusWith(done.results.map(() => exitStatus.done)),
    document: { ...done.document, providers: done.results },
    lines: done.results.flatMap(one => linesOf(one, session)),
  }
}

function linesOf(listing: ProviderListing, session: Session): string[] {
  const { product, provider, location, backups, window, schedule, restorePoint } = listing
  const table = renderTable(columnsAt(session.now().getTime()), backups, session.colours.bold)
  return [
    oneLine(`${product}: ${provider}, ${location}`),
    ...(window === null ? [] : [`  ${windowLine(window)}`]),
    ...(schedule === null ? [] : [`  ${oneLine(`makes a backup every day at ${schedule.timeOfDay} UTC`)}`]),
    ...(restorePoint === null ? [] : [`  ${oneLine(restorePointLine(restorePoint))}`]),
    ...(backups.length === 0 ? ['  no backups of its own in the list'] : table.map(line => `  ${line}`)),
  ]
}

function columnsAt(nowMs: number): readonly Column<ProviderBackup>[] {
  const time = (text: string | null) => (text === null ? '-' : formatTime(text))
  return [
    { title: 'ID', cell: backup => oneLine(backup.id) },
    { title: 'KIND', cell: backup => backup.kind },
    { title: 'CREATED', cell: backup => time(backup.createdAt) },
    {
      title: 'AGE',
      align: 'right',
      cell: backup => (backup.createdAt === null ? '-' : formatAge(nowMs - Date.parse(backup.createdAt))),
    },
    { title: 'STATUS', cell: backup => oneLine(backup.nativeStatus) },
    { title: 'KEPT UNTIL', cell: backup => time(backup.expiresAt) },
    {
      title: 'SIZE',
      align: 'right',
      cell: backup => (backup.sizeBytes === null ? '-' : formatBytes(backup.sizeBytes)),
    },
  ]
}
