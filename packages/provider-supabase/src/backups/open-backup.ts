import { BackupError, type ByteSource, isBackupError, untilAborted } from '@lifeboat/core'
import type { HttpDeps } from '@lifeboat/core/http'
import type { ManagementApi } from '../api/management-api.js'

const useExport = 'make a portable export instead: `lifeboat backup`'

/**
 * The bytes of a logical backup. Physical ones cannot be downloaded. The address that the API gives is a capability: it
 * is not shown, and gets no token.
 * @throws BackupError `backup-missing`, `provider-lacks`
 */
export async function* openBackup(
  api: ManagementApi,
  fetch: HttpDeps['fetch'],
  id: string,
  signal: AbortSignal | undefined,
): ByteSource {
  signal?.throwIfAborted()
  const { backups } = await api.backups(signal)
  const found = backups.find(one => String(one.id) === id)
  if (found === undefined)
    throw new BackupError('backup-missing', `the project has no backup ${JSON.stringify(id)}`, {
      hint: '`lifeboat list --provider` shows what there is',
    })
  if (found.is_physical_backup)
    throw new BackupError('provider-lacks', `backup ${id} is physical, and Supabase gives out logical ones only`, {
      hint: useExport,
    })
  let response: Response
  try {
    response = await fetch(checkAddress(await api.downloadUrl(found.id, signal)), { signal })
  } catch (error) {
    signal?.throwIfAborted()
    if (isBackupError(error) && !['provider-not-found', 'provider-refused', 'provider-plan'].includes(error.code))
      throw error
    if (isBackupError(error))
      throw new BackupError('provider-lacks', `Supabase does not give out backup ${id}`, {
        cause: error,
        hint: useExport,
      })
    // The raw error may show the address.
    throw new BackupError('provider-unreachable', `the download of backup ${id} cannot be reached`)
  }
  if (!response.ok || response.body === null) {
    throw new BackupError('provider-lacks', `the download of backup ${id} answers ${response.status}`, {
      hint: `its address may have expired: try again, or ${useExport}`,
    })
  }
  const expected = response.headers.get('content-encoding') === null ? response.headers.get('content-length') : null
  let bytes = 0
  try {
    for await (const chunk of untilAborted(response.body, signal)) {
      bytes += chunk.byteLength
      yield chunk
    }
  } catch {
    signal?.throwIfAborted()
    throw new BackupError('provider-unreachable', `the download of backup ${id} broke off after ${bytes} bytes`, {
      hint: 'try again',
    })
  }
  if (expected !== null && bytes !== Number(expected))
    throw new BackupError(
      'provider-unreachable',
      `the download of backup ${id} ended after ${bytes} of ${expected} bytes`,
    )
}

function checkAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const local = url !== undefined && /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(url.hostname)
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && local)) return text
  throw new BackupError('provider-answer-invalid', 'Supabase gives an address for the download that is not one')
}
