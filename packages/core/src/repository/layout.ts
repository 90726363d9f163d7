import { randomInt } from 'node:crypto'

const productPattern = /^[a-z0-9][a-z0-9-]{0,62}$/
const idPattern = /^[12]\d{7}T\d{6}Z-[a-z0-9]{6}$/
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** Whether a product may have this name. */
export function isProductName(name: string): boolean {
  return productPattern.test(name)
}

/** Whether this looks like a backup's id (`20261121T020000Z-7f3k9q`): of the years 1000 to 2999. */
export function isBackupId(id: string): boolean {
  return idPattern.test(id)
}

/** A new id: the UTC start time and a random tail, sortable by eye. Code orders by `createdAt` in the manifest. */
export function newBackupId(now: Date, random: (limit: number) => number = randomInt): string {
  const stamp = now
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.\d+Z$/, 'Z')
  let tail = ''
  for (let i = 0; i < 6; i++) tail += alphabet[random(alphabet.length)]
  return `${stamp}-${tail}`
}

/** What the keys of all backups of a product begin with, and no others: not those of copied objects, of which there may be millions. */
export function backupsPrefixes(product: string): readonly string[] {
  return [`${product}/1`, `${product}/2`]
}

/** The prefix of everything that belongs to one backup. */
export function backupPrefix(product: string, id: string): string {
  return `${product}/${id}/`
}

export function manifestKey(product: string, id: string): string {
  return `${product}/${id}/manifest.json`
}

type Codec = 'gzip' | 'zstd' | 'none'
const endings: Readonly<Record<Codec, string>> = { gzip: '.gz', zstd: '.zst', none: '' }

/** The key of the database artifact, by the codec its bytes went through before encryption. */
export function databaseKey(product: string, id: string, codec: Codec): string {
  return `${product}/${id}/database.dump${endings[codec]}.gpg`
}

/** The key of a bundle of files. */
export function bundleKey(product: string, id: string, name: string, codec: Codec): string {
  return `${product}/${id}/${name}.tar${endings[codec]}.gpg`
}

/** The key of the roles, which are SQL. */
export function rolesKey(product: string, id: string, codec: Codec): string {
  return `${product}/${id}/roles.sql${endings[codec]}.gpg`
}

/** The key of a mirrored export: the provider's own file, encrypted and not compressed again. */
export function exportKey(product: string, id: string): string {
  return `${product}/${id}/export.dir.tar.gz.gpg`
}
