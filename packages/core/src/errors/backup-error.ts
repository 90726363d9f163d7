import type { ErrorCode } from './error-code.js'

const brand = Symbol.for('@lifeboat/BackupError')

/** What else an error may say. */
export interface BackupErrorOptions {
  /** What the reader should do or type next. Lower case, no full stop. */
  readonly hint?: string | undefined
  readonly cause?: unknown
}

/**
 * The one error class that the public API throws. The message says what failed and on what, in lower case;
 * neither message nor hint ever holds a connection string, a token, a key or unredacted tool output.
 */
export class BackupError extends Error {
  override readonly name = 'BackupError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly [brand] = true

  constructor(code: ErrorCode, message: string, options: BackupErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}

/** Whether `error` is a {@link BackupError} (of any copy of this package), and of `code` where one is given. */
export function isBackupError(error: unknown, code?: ErrorCode): error is BackupError {
  if (typeof error !== 'object' || error === null || !(brand in error)) return false
  return code === undefined || (error as BackupError).code === code
}
