import type { EncryptionConfig, ProductConfig } from '../config/config-schema.js'
import { isSecret } from '../config/secret.js'
import { isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import type { BackupProvider, ProviderBackup, RecoveryWindow, RestorePoint } from '../provider/backup-provider.js'
import { wrapProviderError } from '../provider/wrap-provider-error.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { readStored } from './read-stored.js'
import type { TimelineDestination, TimelineInput, TimelineProvider } from './timeline.js'

/**
 * Reads what a timeline is made from: listings and records, all places at once; no backup is opened. A place that does
 * not answer is said to be missing, never fatal.
 */
export async function readTimeline(
  product: string,
  config: ProductConfig,
  context: { readonly now: Date; readonly signal?: AbortSignal | undefined },
): Promise<TimelineInput> {
  const { signal } = context
  const [provider, ...destinations] = await Promise.all([
    config.provider === undefined ? null : readProvider(config.provider, signal),
    ...Object.entries(config.destinations).map(([name, { store }]) =>
      readDestination(product, name, store, config.provider, signal),
    ),
  ])
  throwIfCancelled(signal)
  return {
    product,
    now: context.now,
    rtoMs: config.objectives.rto ?? null,
    rpoMs: config.objectives.rpo ?? null,
    provider,
    destinations,
    keys: keysOf(config.encryption),
  }
}

async function readProvider(provider: BackupProvider, signal: AbortSignal | undefined): Promise<TimelineProvider> {
  const failures: string[] = []
  const attempt = async <T>(doing: string, work: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work
    } catch (error) {
      failures.push(wrapProviderError(error, { provider, doing, signal }).message)
      return otherwise
    }
  }
  const [window, backups, promises, point] = await Promise.all([
    attempt<RecoveryWindow | null>(
      'read the recovery window',
      (async () => provider.pointInTime?.window({ signal }) ?? null)(),
      null,
    ),
    attempt<ProviderBackup[]>('list the backups', collected(provider.list({ signal })), []),
    attempt('ask where it keeps them', (async () => (await provider.promises?.({ signal })) ?? null)(), null),
    attempt('ask for restore points', (async () => provider.restorePoints?.find(undefined, { signal }))(), undefined),
  ])
  if (point?.available) backups.push(asBackup(point))
  const place = provider.recovered === undefined ? 'in-place' : 'new-instance'
  return { name: provider.name, location: provider.location, place, window, backups, failures, promises }
}

/** The newest restore point is one more instant; the provider keeps it in no list. */
function asBackup({ backup: id, completedAt: createdAt, status: nativeStatus }: RestorePoint): ProviderBackup {
  return { id, kind: 'restore-point', createdAt, status: 'complete', nativeStatus, expiresAt: null, sizeBytes: null }
}

async function readDestination(
  product: string,
  name: string,
  store: ObjectStore,
  provider: BackupProvider | undefined,
  signal: AbortSignal | undefined,
): Promise<TimelineDestination> {
  const shared = {
    name,
    location: store.location,
    withProvider: provider !== undefined && (store.host ?? '').includes(`${provider.name}.`),
    region: store.region ?? null,
  }
  try {
    return { ...shared, ...(await readStored(store, product, signal)), failure: null }
  } catch (error) {
    throwIfCancelled(signal)
    const failure = isBackupError(error) ? error : wrapStoreError(error, { store, doing: `list ${product}/`, signal })
    return { ...shared, backups: [], failure: failure.message, drill: null, exportDrill: null }
  }
}

function keysOf(encryption: EncryptionConfig): TimelineInput['keys'] {
  if ('passphrase' in encryption)
    return { credential: `the passphrase (${encryption.passphrase.description})`, others: 0 }
  const { privateKey, recipients } = encryption
  const held =
    privateKey === undefined
      ? 'a private key of one of its recipients'
      : isSecret(privateKey)
        ? `the private key (${privateKey.description})`
        : `the private key ${privateKey}`
  return { credential: held, others: recipients.length - 1 }
}

async function collected<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of source) all.push(one)
  return all
}
