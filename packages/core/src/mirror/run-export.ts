import type { ExportOptions, ExportResult } from '../api/provider.js'
import type { ProductConfig } from '../config/config-schema.js'
import type { Deps } from '../deps.js'
import { BackupError } from '../errors/backup-error.js'
import type { BackupProvider, ProviderBackup } from '../provider/backup-provider.js'
import { wrapProviderError } from '../provider/wrap-provider-error.js'
import { listBackups } from '../repository/list-backups.js'
import { exportLabels } from './compose-export-manifest.js'
import { mirrorExport } from './mirror-export.js'

export interface ExportJob {
  readonly product: string
  readonly config: ProductConfig
  readonly folder: string
  readonly deps: Deps
}

/**
 * Has the provider make an export and mirrors it; with `existing` it mirrors those that are there and in no destination
 * yet, oldest first, and starts none.
 * @throws BackupError `provider-lacks`, and what the provider and the mirror throw
 */
export async function runExport(job: ExportJob, options: ExportOptions): Promise<ExportResult> {
  const { product, config } = job
  const { provider } = config
  if (provider?.creating === undefined || provider.opening === undefined)
    throw new BackupError('provider-lacks', `${product} has no provider that makes exports`, {
      hint: "`lifeboat backup` works with every database; Render's exports need provider: render({ … })",
    })
  const asked = <T>(doing: string, answer: Promise<T>) =>
    answer.catch((error: unknown) => {
      throw wrapProviderError(error, { provider, doing, signal: options.signal })
    })
  const mirror = async (backup: ProviderBackup) => ({
    backup,
    mirrored: options.mirror === false ? null : await mirrorExport({ ...job, provider, backup }, options),
    skipped: options.mirror === false ? 'it stays at the provider' : null,
  })
  if (!options.existing) {
    const { signal, onEvent, timeoutMs } = options
    const made = await asked('make an export', provider.creating.create({ signal, onEvent, timeoutMs }))
    return { product, exports: [await mirror(made)] }
  }
  const known = await mirroredAlready(job, provider, options.signal)
  const results: ExportResult['exports'][number][] = []
  for (const backup of await asked('list the exports', exportsOf(provider, options.signal))) {
    const skipped = known.has(backup.id)
      ? 'it is stored already'
      : backup.status === 'complete'
        ? null
        : `it is ${backup.nativeStatus}`
    if (skipped === null) results.push(await mirror(backup))
    else results.push({ backup, mirrored: null, skipped })
  }
  return { product, exports: results }
}

/** Exports that have not expired, oldest first: those are forgotten first. */
async function exportsOf(provider: BackupProvider, signal: AbortSignal | undefined): Promise<ProviderBackup[]> {
  const found: ProviderBackup[] = []
  for await (const backup of provider.list({ signal }))
    if (backup.kind === 'export' && backup.status !== 'gone') found.push(backup)
  return found.sort((a, b) => (a.createdAt ?? '').localeCompare(b.createdAt ?? ''))
}

async function mirroredAlready(
  { product, config }: ExportJob,
  provider: BackupProvider,
  signal: AbortSignal | undefined,
): Promise<Set<string>> {
  const known = new Set<string>()
  for (const [destination, { store }] of Object.entries(config.destinations)) {
    const { backups } = await listBackups(store, { product, destination }, signal)
    for (const { manifest } of backups) {
      const { [exportLabels.provider]: name, [exportLabels.backup]: id } = manifest.labels
      if (name === provider.name && id !== undefined) known.add(id)
    }
  }
  return known
}
