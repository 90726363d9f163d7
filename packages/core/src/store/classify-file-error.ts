import { isBackupError } from '../errors/backup-error.js'
import type { ErrorCode } from '../errors/error-code.js'

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'object-missing',
  EEXIST: 'object-exists',
  ENOSPC: 'store-full',
  EDQUOT: 'store-full',
  EFBIG: 'store-full',
  EACCES: 'store-refused',
  EPERM: 'store-refused',
  EROFS: 'store-refused',
  ENAMETOOLONG: 'store-refused',
  EISDIR: 'store-refused',
  ELOOP: 'store-refused',
  ENOTDIR: 'store-refused',
  EIO: 'store-unreachable',
  ESTALE: 'store-unreachable',
  ETIMEDOUT: 'store-unreachable',
  EMFILE: 'store-unreachable',
  ENFILE: 'store-unreachable',
}

/** The code that an error of the file system deserves, or undefined. */
export function classifyFileError(error: unknown): ErrorCode | undefined {
  if (isBackupError(error)) return error.code
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return codes[String(error.code)]
}
