import { isSecret } from '../config/secret.js'
import { spokenTime } from '../report/quantities.js'
import type { PlanInput } from './compose-plan.js'
import { code, inline, table } from './markdown.js'

/** Who can open the backups: public keys and names, never more. */
export function describeKeys({ keys, config }: PlanInput): string[] {
  const { encryption } = config
  const held =
    'passphrase' in encryption
      ? `The passphrase is read from: ${encryption.passphrase.description}.`
      : encryption.privateKey === undefined
        ? 'The configuration names no private key: this machine writes backups and cannot read them.'
        : `The configuration reads its private key from: ${isSecret(encryption.privateKey) ? encryption.privateKey.description : code(encryption.privateKey)}.`
  const words = [
    'Whoever holds one of these opens the backups. Without any of them nobody does: each must lie in two places that depend neither on the database nor on a store.',
    '',
    held,
    '',
  ]
  if (typeof keys === 'string') return [...words, `The public keys could not be read here: ${inline(keys)}`]
  const rows = keys.keys.map(({ key, userIds, encrypts, opens, proved }) => [
    userIds.map(inline).join(', ') || 'whoever has it',
    code(key),
    encrypts.length === 0 ? '**no longer used**' : encrypts.join(', '),
    [...new Set(opens.map(one => one.destination))].join(', ') || 'none',
    proved === null ? '**never shown**' : spokenTime(proved.at),
  ])
  return [...words, ...table(['held by', 'key', 'new backups in', 'opens the newest in', 'shown to open one'], rows)]
}
