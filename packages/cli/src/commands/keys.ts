import type { Command } from 'commander'
import { addCommand, type Choose, destinationOption } from '../command.js'
import { type GenerateFlags, generateKeys, parsePairs } from '../keys/generate-keys.js'
import { listKeys } from '../keys/list-keys.js'
import { type ProveFlags, proveKey } from '../keys/prove-key.js'
import { type RotateFlags, rotateKeys } from '../keys/rotate-keys.js'
import { addRetrieveOptions } from '../retrieve-options.js'

export function defineKeys(program: Command, choose: Choose): void {
  const keys = addCommand(program, 'keys', 'make keys, show who can read the backups, prove it, change it', [
    'lifeboat keys generate --email ops@example.org',
    'lifeboat keys list',
    'lifeboat keys prove shop --key /media/usb/recovery-private.asc',
    'lifeboat keys rotate shop',
  ])
  addCommand(
    keys,
    'generate',
    'make OpenPGP pairs: for the team, for recovery (its private half goes offline), and one that seals backups',
    [
      'lifeboat keys generate',
      'lifeboat keys generate --recovery-file /media/usb/recovery-private.asc',
      'LIFEBOAT_PRIVATE_KEY_PASSPHRASE=… LIFEBOAT_RECOVERY_KEY_PASSPHRASE=… lifeboat keys generate',
    ],
  )
    .argument('[pairs...]', 'team, recovery, signing (default: all three)', parsePairs)
    .option('--folder <folder>', 'where the keys go', './keys')
    .option(
      '--recovery-file <file>',
      'where the private recovery key goes (default: recovery-private.asc in the folder)',
    )
    .option('--name <name>', 'whose keys these are', 'Lifeboat')
    .option('--email <address>', 'an address to put into the keys')
    .option('--no-passphrase', 'do not ask for passphrases: private keys that no variable locks stay unlocked')
    .action((pairs: string[], flags: GenerateFlags) => choose(session => generateKeys(session, pairs, flags)))
  addCommand(keys, 'list', 'which keys open the newest backups and the next ones, and who proved them when', [
    'lifeboat keys list',
    "lifeboat keys list --json | jq '.products[].findings'",
  ])
    .argument('[products...]', 'names from the configuration (default: all)')
    .action((products: string[]) => choose(session => listKeys(session, products)))
  const proving = addCommand(keys, 'prove', 'show that a key opens a backup, and record it there', [
    'lifeboat keys prove shop --key /media/usb/recovery-private.asc',
    'lifeboat keys prove shop/latest --destination offsite --whole',
    'lifeboat keys prove shop --ask-passphrase',
  ])
    .argument('<backup>', "a product's name for its latest, PRODUCT/latest, an id, a path or an s3:// address")
    .option(
      '--key <file>',
      'the private key to prove; unlocked with LIFEBOAT_PRIVATE_KEY_PASSPHRASE, or asked for (default: as configured)',
    )
    .option('--ask-passphrase', 'prove the passphrase that you type, of a product whose backups are encrypted with one')
    .option('--whole', 'read the backup to its end, not its front only')
    .option('--objects <set>', "prove it on the newest snapshot of this set of the product's objects")
    .addOption(destinationOption())
  addRetrieveOptions(proving).action((backup: string, flags: ProveFlags) =>
    choose(session => proveKey(session, backup, flags)),
  )
  const rotating = addCommand(
    keys,
    'rotate',
    'encrypt stored backups and snapshots of objects anew, to the keys of today; the old ones stay',
    [
      'lifeboat keys rotate shop --dry-run',
      'lifeboat keys rotate shop --key old-private.asc',
      'lifeboat keys rotate shop/20261121T020000Z-7f3k9q --remove-old',
      'lifeboat keys rotate shop --destination local --to offsite',
    ],
  )
    .argument('<backup>', "a product's name for all of its backups and snapshots of objects, or one backup")
    .option('--key <file>', 'what opens the old ones, where the configuration does not name it any more')
    .option('--ask-passphrase', 'ask for the passphrase that the old ones are encrypted with')
    .option('--to <name>', 'the destination of the new ones (default: beside the old ones)')
    .option('--objects [set]', "only the snapshots of the product's sets of objects, or of this one")
    .option('--dry-run', 'only say what would be done')
    .option('--remove-old', 'remove each old one once its new one was read to its end and found whole')
    .addOption(destinationOption('for one backup the first that has it, for a product every one'))
  addRetrieveOptions(rotating).action((backup: string, flags: RotateFlags) =>
    choose(session => rotateKeys(session, backup, flags)),
  )
}
