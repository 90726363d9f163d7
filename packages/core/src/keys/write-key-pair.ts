import { mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { generateKeyPair } from '../encryption/open-pgp.js'
import { BackupError } from '../errors/backup-error.js'

/** Where the two halves of a pair lie. */
export interface KeyPairFiles {
  readonly publicKey: string
  readonly privateKey: string
}

/** Whose pair it is. */
export interface KeyHolder {
  readonly name: string
  readonly email?: string | undefined
  /** Locks the private key. Default: not locked. */
  readonly passphrase?: string | undefined
  /** Lines for whoever finds the private key, on paper perhaps: written at its head as comments of its armor. */
  readonly notes?: readonly string[] | undefined
}

/**
 * Makes OpenPGP key pairs and writes them, armored; private halves so that only their owner reads them. Writes all of them
 * or none, and never over a file: backups that were made with an old key need it.
 * @throws BackupError `config-invalid` when one of the files exists
 */
export async function writeKeyPairs(
  pairs: readonly { readonly files: KeyPairFiles; readonly holder: KeyHolder }[],
): Promise<(KeyPairFiles & { readonly fingerprint: string })[]> {
  const made = await Promise.all(pairs.map(({ holder }) => makePair(holder)))
  const written: string[] = []
  const write = async (file: string, text: string, mode: number) => {
    await writeNewFile(file, text, mode)
    written.push(file)
  }
  try {
    for (const [index, { files, holder }] of pairs.entries()) {
      const { privateKey, publicKey } = made[index]!
      await makeFolderOf(files.privateKey)
      await makeFolderOf(files.publicKey)
      await write(files.privateKey, withNotes(privateKey, holder.notes ?? []), 0o600)
      await write(files.publicKey, publicKey, 0o644)
    }
  } catch (error) {
    for (const file of written) await rm(file, { force: true })
    throw error
  }
  return pairs.map(({ files }, index) => ({ ...files, fingerprint: made[index]!.fingerprint }))
}

async function makePair(holder: KeyHolder) {
  try {
    return await generateKeyPair(holder)
  } catch (cause) {
    const { name, email } = holder
    const who = email === undefined ? name : `${name} <${email}>`
    throw new BackupError(
      'config-invalid',
      `no key can be made for ${JSON.stringify(who)}: not a name and an address`,
      {
        cause,
        hint: 'write a name without < and >, and an address like ops@example.org',
      },
    )
  }
}

async function makeFolderOf(file: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  } catch (error) {
    throw unwritable(file, error)
  }
}

/** Comments are armor headers (RFC 4880, 6.2): whatever reads the key passes over them. */
function withNotes(armored: string, notes: readonly string[]): string {
  const [first = '', ...rest] = armored.split('\n')
  const comments = notes.map(note => `Comment: ${note}`)
  return [first, ...comments.map(line => (first.endsWith('\r') ? `${line}\r` : line)), ...rest].join('\n')
}

/** Writes a whole file or none. */
async function writeNewFile(file: string, text: string, mode: number): Promise<void> {
  let handle: Awaited<ReturnType<typeof open>>
  try {
    handle = await open(file, 'wx', mode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(file, error)
    throw new BackupError('config-invalid', `${file} exists already`, {
      hint: 'move the old key away yourself; backups made with it still need it',
    })
  }
  try {
    await handle.writeFile(text)
    await handle.sync()
  } catch (error) {
    await rm(file, { force: true })
    throw unwritable(file, error)
  } finally {
    await handle.close()
  }
}

function unwritable(file: string, cause: unknown): BackupError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new BackupError('config-invalid', `cannot write ${file}: ${why}`, { cause, hint: 'name another folder' })
}
