import type { RotatedSnapshot, SetRotation } from '@lifeboat/core'
import { BackupError } from '@lifeboat/core'
import { type ExitStatus, exitStatus, exitStatusOf } from '../exit-status.js'
import { oneLine } from '../render/one-line.js'
import { formatBytes } from '../render/quantities.js'

export function statusOfSnapshot({ error, kept }: RotatedSnapshot): ExitStatus {
  if (error !== null) return exitStatusOf(new BackupError(error.code as BackupError['code'], error.message))
  return kept === null ? exitStatus.done : exitStatus.partial
}

/** What became of the snapshots of a set, or would. */
export function rotatedSetLines({ product, set, destination, snapshots, freed }: SetRotation): string[] {
  const name = `${product}/${set} in ${destination}`
  if (snapshots.length === 0) return [`${name}: there is no snapshot`]
  const content = freed.count === 0 ? [] : [`${name}: ${formatBytes(freed.storedBytes)} of old content removed`]
  return [...snapshots.flatMap(one => lineOf(one, `${product}/${set}/${one.id} in ${destination}`)), ...content]
}

const extent = {
  content: 'read to its end',
  stored: 'every stored byte compared',
  listed: 'looked at, as it lies in an archive',
} as const

function lineOf(one: RotatedSnapshot, old: string): string[] {
  switch (one.outcome) {
    case 'current':
      return [`${old}: opens with the configured keys only`]
    case 'due':
      return [
        `${old}: would be encrypted anew (${one.objects} objects, ${formatBytes(one.plainBytes)}, less what others share)`,
      ]
    case 'present':
      return [`${old}: encrypted anew before, as ${one.rotated}; ${leftOf(one)}`]
    case 'failed': {
      const { message = '', hint = null } = one.error ?? {}
      return [`${old}: not encrypted anew: ${oneLine(message)}`, ...(hint === null ? [] : [`  hint: ${oneLine(hint)}`])]
    }
    case 'rotated': {
      const checked = one.verified === null ? 'not checked' : extent[one.verified]
      return [`${old}: encrypted anew as ${one.rotated}, ${checked}; ${leftOf(one)}`]
    }
  }
}

function leftOf({ removedOld, kept }: RotatedSnapshot): string {
  if (removedOld) return 'the old one is removed, its content goes with a prune once it is a day old'
  return `the old one is still there${kept === null ? '' : `: ${oneLine(kept)}`}`
}
