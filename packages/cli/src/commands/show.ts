import type { ListedBackup, ShownBackup } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult, destinationOption } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { contentsOf } from '../render/backup-lines.js'
import { oneLine } from '../render/one-line.js'
import { formatAge, formatBytes, formatCount, formatDuration, formatTime } from '../render/quantities.js'
import { renderFields, renderTable } from '../render/table.js'
import type { Session } from '../session.js'

export function defineShow(program: Command, choose: Choose): void {
  addCommand(program, 'show', 'show what is known about one backup', [
    'lifeboat show latest',
    'lifeboat show shop/latest --destination offsite',
    'lifeboat show s3://shop-backups/shop/20261121T020000Z-7f3k9q',
  ])
    .argument('<backup>', 'latest, PRODUCT/latest, an id, a path or an s3:// address')
    .addOption(destinationOption())
    .action((backup: string, flags: { destination?: string }) =>
      choose(session => runShow(session, backup, flags.destination)),
    )
}

async function runShow(session: Session, name: string, destination: string | undefined): Promise<CommandResult> {
  const lifeboat = await session.open(name)
  const backup = await lifeboat.show(name, { destination, signal: session.signal, onEvent: session.progress.onEvent })
  const { product, id, location, storedBytes, manifest, included, notIncluded } = backup
  return {
    status: exitStatus.done,
    document: { product, id, destination: backup.destination, location, storedBytes, manifest, included, notIncluded },
    lines: [
      ...renderFields(fieldsOf(backup, session.now()), ''),
      ...artifactLines(backup, session),
      ...includedLines(backup, session),
      ...tableLines(backup, session),
    ],
  }
}

function fieldsOf(
  { product, id, destination, location, manifest }: ListedBackup,
  now: Date,
): (readonly [string, string])[] {
  const { source, snapshotCounts } = { source: manifest.source, snapshotCounts: manifest.source.snapshotCounts }
  const tookMs = Math.max(0, Date.parse(manifest.finishedAt) - Date.parse(manifest.createdAt))
  const counted = snapshotCounts.taken ? 'yes' : `no (${oneLine(snapshotCounts.why ?? 'no reason given')})`
  const labels = Object.entries(manifest.labels).map(([key, value]) => oneLine(`${key}=${value}`))
  return [
    ['backup', `${oneLine(product)}/${oneLine(id)}`],
    [
      'created',
      `${formatTime(manifest.createdAt)}, ${formatAge(now.getTime() - Date.parse(manifest.createdAt))} ago, took ${formatDuration(tookMs)}`,
    ],
    ['reason', oneLine(manifest.reason)],
    ['labels', labels.join(', ') || '-'],
    ['found at', oneLine(destination === location ? location : `${destination} (${location})`)],
    [
      'stored at',
      manifest.destinations.map(({ name, outcome }) => (outcome === 'stored' ? name : `${name} (failed)`)).join(', ') ||
        '-',
    ],
    ['contents', contentsOf(manifest)],
    [
      'source',
      `Postgres ${source.serverVersion}, database ${oneLine(source.database)}, ${formatBytes(source.databaseBytes)}, ${source.encoding}`,
    ],
    ['extensions', source.extensions.map(({ name, version }) => oneLine(`${name} ${version}`)).join(', ') || '-'],
    ['counted in the snapshot', counted],
    ['sealed', manifest.seal === null ? 'no' : manifest.seal.kind],
    ['made by', oneLine(`${manifest.tool.name} ${manifest.tool.version}, pg_dump ${source.pgDumpVersion}`)],
  ]
}

function artifactLines({ manifest }: ListedBackup, { colours }: Session): string[] {
  const columns = [
    { title: 'ARTIFACT', cell: (one: Artifact) => oneLine(one.key) },
    { title: 'KIND', cell: (one: Artifact) => one.kind },
    { title: 'SIZE', align: 'right' as const, cell: (one: Artifact) => formatBytes(one.storedBytes) },
    { title: 'CODEC', cell: (one: Artifact) => one.codec },
    {
      title: 'ENCRYPTED TO',
      cell: (one: Artifact) =>
        one.encryption.kind === 'passphrase' ? 'a passphrase' : one.encryption.fingerprints.join(' '),
    },
    { title: 'SHA-256', cell: (one: Artifact) => one.storedSha256 },
  ]
  return ['', ...renderTable(columns, manifest.artifacts, colours.bold)]
}

function includedLines({ included, notIncluded }: ShownBackup, { colours }: Session): string[] {
  return [
    '',
    colours.bold('IN IT'),
    ...renderFields(
      included.map(one => [oneLine(one.what), one.detail ?? 'not counted'] as const),
      '  ',
    ),
    colours.bold('NOT IN IT'),
    ...notIncluded.map(one => `  ${oneLine(one.what)}: ${oneLine(one.why)}`),
  ]
}

type Artifact = ListedBackup['manifest']['artifacts'][number]
type TableRecord = NonNullable<ListedBackup['manifest']['tables']>[number]

function tableLines({ manifest }: ListedBackup, { colours }: Session): string[] {
  if (manifest.tables === null || manifest.tables.length === 0) return []
  const columns = [
    { title: 'TABLE', cell: (one: TableRecord) => oneLine(`${one.schema}.${one.name}`) },
    { title: 'ROWS', align: 'right' as const, cell: (one: TableRecord) => formatCount(one.rows) },
    { title: 'SIZE', align: 'right' as const, cell: (one: TableRecord) => formatBytes(one.bytes) },
  ]
  return ['', ...renderTable(columns, manifest.tables, colours.bold)]
}
