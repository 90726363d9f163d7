import { BackupError } from './backup-error.js'
import type { ErrorCode } from './error-code.js'

const full = /^(ENOSPC|EDQUOT)$/
/** Codes that only a file system gives; others may be a socket's. */
const fileSystems = /^(EIO|EFBIG|EROFS|EISDIR|ENOTDIR|ENAMETOOLONG)$/

const whereTemporary = 'free space there, or set TMPDIR to a folder that has it'

/** Where something was to be written on this machine, and what to do where that fails. */
export interface WrittenPlace {
  readonly folder: string
  /** What is said when the folder is full. */
  readonly hint: string
  /** The code of a failure other than a full disk. */
  readonly code: ErrorCode
}

/** A folder below the temporary files. */
export function temporaryPlace(folder: string, code: ErrorCode = 'restore-failed'): WrittenPlace {
  return { folder, hint: whereTemporary, code }
}

/** An error of this machine's file system, said with the place; undefined for any other, such as a connection's. */
export function diskError(error: unknown, { folder, hint, code: otherwise }: WrittenPlace): BackupError | undefined {
  const code = codeOf(error)
  if (code === undefined) return undefined
  if (full.test(code))
    return new BackupError('disk-full', `no room is left on the disk of ${folder} (${code})`, { cause: error, hint })
  if (!fileSystems.test(code) && !(error instanceof Error && 'path' in error)) return undefined
  return new BackupError(otherwise, `the folder ${folder} cannot be written to: ${code}`, {
    cause: error,
    hint: 'it has to be there, and you have to be allowed to write in it; TMPDIR names the folder for temporary files',
  })
}

/** @throws BackupError `disk-full`, the place's code, or what the work throws */
export async function writingTo<T>(place: WrittenPlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw diskError(error, place) ?? error
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
