import { rename, rm, stat, writeFile } from 'node:fs/promises'
import { BackupError } from '@lifeboat/core'

/** What the system's words for it mean. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  EISDIR: 'it is a folder',
  EACCES: 'it is not allowed',
  ENOSPC: 'the disk is full',
}

/**
 * Writes a document, whole or not at all. It names tables and who holds which key, so nobody else may read it; one that was
 * there keeps its mode, which somebody may have chosen.
 */
export async function writePrivateFile(file: string, text: string): Promise<void> {
  const part = `${file}.part-${process.pid}`
  try {
    const before = await stat(file).catch(() => undefined)
    await writeFile(part, text, { mode: before ? before.mode & 0o777 : 0o600 })
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const why = reasons[code] ?? (code || 'it failed')
    throw new BackupError('unexpected', `cannot write ${file}: ${why}`, {
      ...{ cause: error, hint: 'check that the folder exists and may be written to' },
    })
  }
}
