import { existsSync } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { generateKeyPair } from '@lifeboat/core'
import { UsageError } from '../usage-error.js'

/** Where a key pair lies. */
export interface KeyFiles {
  readonly publicKey: string
  readonly privateKey: string
}

export function keyFiles(folder: string): KeyFiles {
  return { publicKey: join(folder, 'keys/lifeboat-public.asc'), privateKey: join(folder, 'keys/lifeboat-private.asc') }
}

/** @throws UsageError when the file is there */
export function refuseExisting(file: string, hint: string): void {
  if (existsSync(file)) throw new UsageError(`${file} exists already`, hint)
}

/** Makes a key pair; the private key can be read by its owner only. Never replaces a key: old backups need it. */
export async function writeKeyPair(
  files: KeyFiles,
  person: { readonly name: string; readonly email?: string | undefined; readonly passphrase?: string | undefined },
): Promise<KeyFiles & { readonly fingerprint: string }> {
  for (const file of [files.privateKey, files.publicKey])
    refuseExisting(file, 'move the old key away yourself; backups made with it still need it')
  const { privateKey, publicKey, fingerprint } = await generateKeyPair(person)
  await mkdir(dirname(files.privateKey), { recursive: true, mode: 0o700 })
  await writeNewFile(files.privateKey, privateKey, { mode: 0o600 })
  await writeNewFile(files.publicKey, publicKey)
  return { ...files, fingerprint }
}

/** Writes a whole file or none. */
export async function writeNewFile(
  file: string,
  text: string,
  options: { readonly mode?: number; readonly replace?: boolean } = {},
): Promise<void> {
  const handle = await open(file, options.replace ? 'w' : 'wx', options.mode ?? 0o644)
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
