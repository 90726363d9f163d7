import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { directory, type ObjectStore, type OpenOptions, secret } from '@lifeboat/core'
import type { CliIo } from './cli-io.js'

/** A place outside the configuration: a store, and what of the address is left below its root. */
export interface OpenedAddress {
  readonly store: ObjectStore
  readonly path: string
}

type Environment = CliIo['env']

/** Whether a backup's name is an address (a path or an `s3://` address) and not `latest`, an id or `PRODUCT/…`. */
export function isAddress(name: string, cwd: string): boolean {
  if (/^(s3|file):\/\//i.test(name) || /^(\/|\.{1,2}(\/|$)|~\/)/.test(name)) return true
  return /[\\/]/.test(name) && existsSync(resolve(cwd, name))
}

/**
 * What core calls with an address. The S3 client is only loaded when `names` hold an `s3://` address, since it is large.
 */
export async function addressOpener(
  io: CliIo,
  names: readonly string[],
): Promise<NonNullable<OpenOptions['openStore']>> {
  const remote = names.some(name => /^s3:\/\//i.test(name)) ? await import('@lifeboat/provider-s3') : undefined
  return (address): OpenedAddress | undefined => {
    if (!isAddress(address, io.cwd)) return undefined
    if (!/^s3:/i.test(address)) return openPath(localPath(address, io))
    if (remote === undefined) return undefined
    const { bucket, key } = remote.parseS3Url(address)
    return { store: remote.s3({ bucket, ...s3OptionsOf(io.env) }), path: key }
  }
}

/** Keys for backups that no configured product holds, from the environment. */
export function keysFromEnvironment(io: CliIo): NonNullable<OpenOptions['keys']> {
  const named = (name: string) => {
    const value = io.env[name]
    return value ? secret.value(value, `environment variable ${name}`) : undefined
  }
  const keyFile = io.env.LIFEBOAT_PRIVATE_KEY
  return {
    passphrase: named('LIFEBOAT_PASSPHRASE'),
    privateKeyPath: keyFile ? resolve(io.cwd, keyFile) : undefined,
    privateKeyPassphrase: named('LIFEBOAT_PRIVATE_KEY_PASSPHRASE'),
  }
}

/** How the AWS tools would reach S3 in this environment. */
export function s3OptionsOf(env: Environment): {
  readonly endpoint?: string
  readonly forcePathStyle?: boolean
  readonly region?: string
} {
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION
  return {
    ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
    ...(region ? { region } : {}),
  }
}

/** The path that an address on this machine means. */
export function localPath(address: string, io: CliIo): string {
  if (/^file:/i.test(address)) return fileURLToPath(address)
  if (address.startsWith('~/')) return resolve(io.env.HOME ?? homedir(), address.slice(2))
  return resolve(io.cwd, address)
}

// The root is the product's folder at most, so that a listing never walks more of the disk than one product's backups.
function openPath(path: string): OpenedAddress {
  const name = basename(path)
  const isFile = /\.(json|gpg)$/.test(name)
  const folder = isFile ? dirname(path) : path
  return { store: directory(dirname(folder)), path: isFile ? `${basename(folder)}/${name}` : basename(folder) }
}
