import type { PlanInput } from './compose-plan.js'
import { inline, quoted, shell } from './markdown.js'

const idPattern = '[0-9]{8}T[0-9]{6}Z-[a-z0-9]{6}'

/** The same with nothing but stock tools, for each destination they reach. */
export function breakGlass({ product, config }: PlanInput): string[] {
  const { codec } = config.compression
  const file = `database.dump${{ gzip: '.gz', zstd: '.zst', none: '' }[codec]}.gpg`
  const unpack = { gzip: ' | gunzip', zstd: ' | zstd -dc', none: '' }[codec]
  const fetches = Object.entries(config.destinations).flatMap(([name, { store }]) => [
    '',
    `Fetch the newest backup from ${name}:`,
    '',
    ...(fetching(store.location, product) === undefined
      ? [
          `Copy the newest folder of ${inline(product)} from ${inline(store.location)} by its own tools into the current folder.`,
        ]
      : shell(fetching(store.location, product)!)),
  ])
  const withKey = !('passphrase' in config.encryption)
  return [
    'For the day when Lifeboat is not at hand. It takes `bash`, `gpg` 2.2, ' +
      `${codec === 'zstd' ? '`zstd`' : '`gunzip`'}, PostgreSQL's client no older than the source's server, and an empty server. The rows lie on the disk in clear until the file is removed.`,
    ...fetches,
    '',
    `Decrypt it and restore it. ${withKey ? '`private.asc` is the private key.' : 'gpg asks for the passphrase.'} Go on only after \`whole\`:`,
    '',
    ...shell([
      'set -o pipefail',
      ...(withKey ? ['gpg --import private.asc'] : []),
      `gpg --decrypt ${file}${unpack} > database.dump && echo whole`,
      'createdb recovered',
      'pg_restore --no-owner --dbname recovered --jobs 4 database.dump',
      'shred -u database.dump',
    ]),
    '',
    'A backup whose manifest says another codec or key than the configuration does today is opened as its own manifest says.',
  ]
}

/** Undefined where no stock tool is known to reach it. */
function fetching(location: string, product: string): string[] | undefined {
  const last = `grep -oE '${idPattern}' | sort -u | tail -n 1`
  if (location.startsWith('s3://')) {
    const folder = quoted(`${location.replace(/\/+$/, '')}/${product}/`)
    return [`id=$(aws s3 ls ${folder} | ${last})`, `aws s3 cp ${folder}"$id"/ ./"$id"/ --recursive`, 'cd "$id"']
  }
  if (!location.startsWith('/')) return undefined
  const folder = quoted(`${location.replace(/\/+$/, '')}/${product}/`)
  return [`id=$(ls ${folder} | ${last})`, `cp -r ${folder}"$id" ./"$id"`, 'cd "$id"']
}
