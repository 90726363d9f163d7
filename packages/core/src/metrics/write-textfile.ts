import { randomBytes } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { BackupError } from '../errors/backup-error.js'

/**
 * Writes a page for node_exporter's textfile collector: under another name first, for it may read at any moment. The name
 * does not end in `.prom`, which is what it looks for.
 * @throws BackupError `store-refused` when the file cannot be written; then the old one stays
 */
export async function writeTextfile(file: string, text: string): Promise<void> {
  const part = join(dirname(file), `.${basename(file)}.${randomBytes(4).toString('hex')}.part`)
  try {
    await writeFile(part, text, { mode: 0o644, flag: 'wx' })
    await rename(part, file)
  } catch (error) {
    // The failure that led here is the one to report; the collector passes over what does not end in .prom.
    await rm(part, { force: true }).catch(() => {})
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'it failed'
    throw new BackupError('store-refused', `cannot write ${file}: ${why}`, {
      ...{ cause: error, hint: 'check that the folder exists and may be written to' },
    })
  }
}
