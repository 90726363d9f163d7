import type { CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { chooseSets, runOf } from '../object-sets.js'
import { oneLine } from '../render/one-line.js'
import { formatBytes, formatTime } from '../render/quantities.js'
import { type RetrieveFlags, retrievalOf } from '../retrieve-options.js'
import type { Session } from '../session.js'
import { type KeyFlags, withGivenKey } from './ask-passphrase.js'

export interface ProveFlags extends KeyFlags, RetrieveFlags {
  readonly whole?: boolean
  readonly destination?: string
  readonly objects?: string
}

export async function proveKey(session: Session, named: string, flags: ProveFlags): Promise<CommandResult> {
  const { whole, destination } = flags
  const { objects } = flags
  const lifeboat = await session.open(objects === undefined ? named : undefined)
  if (objects !== undefined) chooseSets(session, lifeboat, named, objects)
  const backup = lifeboat.products.includes(named) ? `${named}/latest` : named
  const options = { ...runOf(session), whole, destination, retrieve: retrievalOf(flags) }
  const proof = await withGivenKey(session, flags, key =>
    objects === undefined
      ? lifeboat.proveKey(backup, { ...options, key })
      : lifeboat.proveKeyOfObjects(named, objects, { ...options, key }),
  )
  const { record, recordedAs } = proof
  const who = record.userIds.length === 0 ? '' : ` of ${oneLine(record.userIds.join(', '))}`
  const key = record.fingerprint === null ? 'the passphrase' : `the key${who} (${record.fingerprint})`
  const read = record.artifacts.reduce((sum, one) => sum + one.plainBytes, 0)
  const extent = record.extent === 'whole' ? `all ${formatBytes(read)} read` : `the first ${formatBytes(read)} read`
  return {
    status: exitStatus.done,
    document: proof,
    lines: [
      `${key} ${session.colours.green('opens')} ${record.product}/${record.set === undefined ? '' : `${record.set}/`}${record.id} of ${formatTime(record.backupCreatedAt)} in ${oneLine(record.destination)}: ${extent}`,
      recordedAs === null
        ? 'not recorded: the backup lies in no configured destination'
        : `recorded as ${oneLine(recordedAs)}`,
    ],
  }
}
