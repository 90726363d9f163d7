import { BackupError, isBackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import type { ErrorCode } from '../errors/error-code.js'
import type { ObjectStore } from './object-store.js'

const hints: Partial<Record<ErrorCode, string>> = {
  'store-unreachable': 'check the endpoint, the region and the network; `lifeboat doctor` tries each store',
  'store-auth-failed': 'check the credentials and what they are allowed to do',
  'store-not-found': 'create the bucket or the folder, or correct its name in the configuration',
  'store-full': 'free some space or prune: `lifeboat prune --apply`',
  'object-archived': '`--retrieve` asks for it; where it does not, name the class in archiveClasses of s3()',
  'object-missing': 'run `lifeboat verify` to see what else is missing',
}

/** By what the file system said. */
const hintsByCause: Readonly<Record<string, string>> = {
  EACCES:
    'let the user that runs this read and write there; folders and files of a folder store belong to whoever made them',
  EPERM:
    'let the user that runs this read and write there; folders and files of a folder store belong to whoever made them',
  EROFS: 'the file system is mounted for reading only: mount it anew, or name another folder',
  ENOTDIR: 'a file lies where a folder should be: correct the path of the store',
}

/** Wraps a raw error of a store once, at the boundary: its code, the operation, the place, the cause. */
export function wrapStoreError(
  error: unknown,
  context: { readonly store: ObjectStore; readonly doing: string; readonly signal?: AbortSignal | undefined },
): BackupError {
  if (isBackupError(error)) return error
  if (context.signal?.aborted) return cancellation(context.signal)
  const code = context.store.classify(error) ?? 'unexpected'
  const cause = error instanceof Error && 'code' in error ? String(error.code) : undefined
  const said = error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error)
  return new BackupError(code, `could not ${context.doing} (${context.store.location}): ${said || code}`, {
    cause: error,
    hint: hints[code] ?? (cause === undefined ? undefined : hintsByCause[cause]),
  })
}
