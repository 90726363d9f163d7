import type { ProviderBackup } from '../provider/backup-provider.js'
import type { LossName, StoredInstant, TimelineDestination, TimelineInput, TimelineProvider, Way } from './timeline.js'

/** A source of instants, before a loss is asked about. */
export interface TimelineSource {
  readonly kind: Way['source']
  readonly place: string
  /** Every instant of a range, or single ones, rising. */
  readonly range: { readonly fromMs: number; readonly toMs: number } | null
  readonly points: readonly { readonly ms: number; readonly id: string; readonly proof: Way['proof'] }[]
  readonly expectedMs: number | null
  readonly expectedFrom: string
  readonly credential: string
  readonly notes: readonly string[]
  /** Why the loss takes it along; undefined where it survives. */
  lostIn(loss: LossName): string | undefined
  /** What to bear in mind in this loss. */
  notesFor(loss: LossName): readonly string[]
  command(instant: string, id: string | undefined, loss: LossName): string
}

/** Every source that the input names, whether or not it survives anything. */
export function sourcesOf(input: TimelineInput): TimelineSource[] {
  const own = input.provider === null ? [] : providerSources(input.provider, input.product)
  return [...own, ...input.destinations.flatMap(one => destinationSources(one, input))]
}

function providerSources(provider: TimelineProvider, product: string): TimelineSource[] {
  const { promises, window } = provider
  const place = `${provider.name}, ${provider.location}`
  const credential = promises?.credential ?? `a token of ${provider.name}`
  const shared = {
    place,
    credential,
    lostIn: (loss: LossName) => {
      if (loss === 'account-gone') return 'it is part of the account'
      if (loss === 'region-down') return 'it lies in the region of the database, as far as is known'
      if (loss === 'database-gone' && promises?.survivesDeletion !== true)
        return `${provider.name} deletes it together with the database`
      return undefined
    },
  }
  const sources: TimelineSource[] = []
  if (window?.status === 'available' && window.earliest !== null && window.latest !== null)
    sources.push({
      ...shared,
      kind: 'point-in-time',
      range: { fromMs: Date.parse(window.earliest), toMs: Date.parse(window.latest) },
      points: [],
      ...timeFrom(promises?.expected.pointInTime),
      notes: window.notes,
      notesFor: loss => (provider.place === 'in-place' ? inPlaceNotes(loss) : newInstanceNotes(loss)),
      command: instant => `lifeboat pitr restore ${product} --at ${instant}`,
    })
  const restorable = provider.backups.filter(one => one.status === 'complete' && one.createdAt !== null)
  const native = restorable.filter(one => one.kind !== 'export' && one.restorable !== false)
  const exported = restorable.filter(one => one.kind === 'export')
  if (native.length > 0)
    sources.push({
      ...shared,
      kind: 'provider-backup',
      range: null,
      points: native.map(asPoint).sort((a, b) => a.ms - b.ms),
      ...timeFrom(promises?.expected.backup),
      notes: [],
      notesFor: inPlaceNotes,
      command: (_, id) => `lifeboat pitr restore ${product} --backup ${id}`,
    })
  if (exported.length > 0)
    sources.push({
      ...shared,
      kind: 'provider-export',
      range: null,
      points: exported.map(asPoint).sort((a, b) => a.ms - b.ms),
      ...timeFrom(promises?.expected.export),
      notes: [
        `${provider.name} forgets the oldest of them at ${exported.map(one => one.expiresAt ?? '').sort()[0] || 'a time it does not say'}`,
      ],
      notesFor: () => ['it is stored with the backups first, then restored from there: `lifeboat list` shows its id'],
      command: () => `lifeboat export ${product} --existing`,
    })
  return sources
}

function destinationSources(destination: TimelineDestination, input: TimelineInput): TimelineSource[] {
  const { keys, product, provider } = input
  const place = `${destination.name}, ${destination.location}`
  return (['dump', 'export'] as const).flatMap(kind => {
    const backups = destination.backups.filter(one => one.kind === kind)
    if (backups.length === 0) return []
    const drill = kind === 'dump' ? destination.drill : destination.exportDrill
    return [
      {
        kind,
        place,
        range: null,
        points: backups.map(storedPoint).sort((a, b) => a.ms - b.ms),
        expectedMs: drill?.recoveryMs ?? null,
        expectedFrom:
          drill === null ? 'nobody has timed a restore from here' : `the drill of ${drill.at.toISOString()}`,
        credential: `${keys.credential}; access to ${destination.location}`,
        notes: [],
        lostIn: (loss: LossName) => {
          if (loss === 'key-lost' && keys.others === 0) return 'nothing else opens it'
          if (loss === 'account-gone' && destination.withProvider)
            return `it is kept at ${provider?.name ?? 'the provider'}`
          if (loss !== 'region-down') return undefined
          if (destination.withProvider) return `it is kept at ${provider?.name ?? 'the provider'}`
          const region = provider?.promises?.region ?? null
          return region !== null && region === destination.region ? `it lies in ${region}, too` : undefined
        },
        notesFor: (loss: LossName) => {
          if (loss === 'key-lost') return [`with one of the ${keys.others} other keys that it is encrypted to`]
          if (loss === 'region-down' && (destination.region === null || !provider?.promises?.region))
            return ['whether it lies in another region is not known here']
          if (kind === 'dump' && loss === 'table-dropped')
            return ['TARGET_URL is the live database, TABLE the table: nothing else is restored into it']
          return loss === 'table-dropped' || loss === 'bad-migration'
            ? ['it becomes a database beside the live one, from which rows are copied back']
            : []
        },
        command: (_: string, id: string | undefined, loss: LossName) => {
          const how = kind === 'dump' && loss === 'table-dropped' ? '--table TABLE' : '--create'
          return `lifeboat restore ${product}/${id} --destination ${destination.name} --to env:TARGET_URL ${how}`
        },
      } satisfies TimelineSource,
    ]
  })
}

function inPlaceNotes(loss: LossName): readonly string[] {
  return loss === 'bad-migration' || loss === 'table-dropped'
    ? ['it replaces the live database: everything written since goes, too']
    : []
}

function newInstanceNotes(loss: LossName): readonly string[] {
  return loss === 'bad-migration' || loss === 'table-dropped'
    ? [
        'it becomes an instance beside the live one, from which rows are copied back, or to which the services are pointed',
      ]
    : []
}

function timeFrom(words: string | undefined): Pick<TimelineSource, 'expectedMs' | 'expectedFrom'> {
  return {
    expectedMs: null,
    expectedFrom: words === undefined ? 'the provider does not say' : `in the provider's words: ${words}`,
  }
}

function asPoint(backup: ProviderBackup) {
  return { ms: Date.parse(backup.createdAt!), id: backup.id, proof: 'provider' as const }
}

function storedPoint({ id, createdAt, proof }: StoredInstant) {
  return { ms: createdAt.getTime(), id, proof }
}
