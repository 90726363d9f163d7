import { existsSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeKeyPairs } from '@lifeboat/core'
import { UsageError } from '../usage-error.js'

/** Where the keys of a product lie. */
export interface KeyFiles {
  readonly publicKey: string
  /** Opens backups; belongs on machines that verify or restore. */
  readonly privateKey: string
  /** Seals manifests; belongs on the machine that writes backups. */
  readonly signingKey: string
  /** The public half of `signingKey`. */
  readonly signer: string
}

export function keyFiles(folder: string): KeyFiles {
  return {
    publicKey: join(folder, 'keys/lifeboat-public.asc'),
    privateKey: join(folder, 'keys/lifeboat-private.asc'),
    signingKey: join(folder, 'keys/lifeboat-signing.asc'),
    signer: join(folder, 'keys/lifeboat-signer.asc'),
  }
}

/** @throws UsageError when the file is there */
export function refuseExisting(file: string, hint: string): void {
  if (existsSync(file)) throw new UsageError(`${file} exists already`, hint)
}

/**
 * Makes the pair that backups are encrypted to, and the pair that seals them (not locked: the nightly run has nobody to
 * ask).
 */
export async function writeKeys(
  files: KeyFiles,
  person: { readonly name: string; readonly email?: string | undefined; readonly passphrase?: string | undefined },
): Promise<KeyFiles & { readonly fingerprint: string }> {
  const { publicKey, privateKey, signingKey, signer } = files
  const [team] = await writeKeyPairs([
    { files: { publicKey, privateKey }, holder: person },
    { files: { publicKey: signer, privateKey: signingKey }, holder: { name: `${person.name}, writer` } },
  ])
  return { ...files, fingerprint: team!.fingerprint }
}

/** Writes a whole file or none. */
export async function writeNewFile(
  file: string,
  text: string,
  options: { readonly replace?: boolean } = {},
): Promise<void> {
  const handle = await open(file, options.replace ? 'w' : 'wx', 0o644)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } catch (error) {
    await rm(file, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}
