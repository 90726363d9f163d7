import type { KeyFinding, KeyListing, KeyState } from '@lifeboat/core'
import type { CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { forEachProduct } from '../for-each-product.js'
import { oneLine } from '../render/one-line.js'
import { formatTime } from '../render/quantities.js'
import type { Session } from '../session.js'

export async function listKeys(session: Session, named: readonly string[]): Promise<CommandResult> {
  const lifeboat = await session.open()
  const options = { signal: session.signal, onEvent: session.progress.onEvent }
  const products = session.chooseProducts(lifeboat, named)
  const { results, document, statusWith } = await forEachProduct(session, products, async product => [
    await lifeboat.listKeys(product, options),
  ])
  return {
    status: statusWith(results.map(statusOf)),
    document: { ...document, products: results },
    lines: results.flatMap(one => listingLines(one, session)),
  }
}

function statusOf({ findings, unread }: KeyListing) {
  if (findings.some(one => one.severity === 'critical')) return exitStatus.damaged
  return unread.length > 0 ? exitStatus.partial : exitStatus.done
}

function listingLines({ product, keys, findings, unread }: KeyListing, session: Session): string[] {
  return [
    session.colours.bold(product),
    ...keys.flatMap(key => keyLines(key)),
    ...unread.map(({ destination, message }) => `  ${destination} was not read: ${oneLine(message)}`),
    ...findings.flatMap(finding => findingLines(finding, session)),
  ]
}

function keyLines(key: KeyState): string[] {
  const { userIds, expiresAt, encrypts, opens, proved } = key
  const who = userIds.length === 0 ? '' : `  ${oneLine(userIds.join(', '))}`
  const end = expiresAt === null ? '' : `, expires ${formatTime(expiresAt)}`
  return [
    `  ${oneLine(key.key)}${who}`,
    `    next backups  ${encrypts.length === 0 ? 'none: not configured' : `in ${encrypts.join(', ')}`}${end}`,
    `    opens         ${opens.length === 0 ? 'none of the newest' : opens.map(nameOfOne).join(', ')}`,
    `    proved        ${proved === null ? 'never' : `${formatTime(proved.at)} on ${nameOfOne(proved)} (${proved.by})`}`,
  ]
}

function nameOfOne({ set, destination, id }: KeyState['opens'][number]): string {
  return `${destination}: ${set === undefined ? '' : `${set}/`}${id}`
}

function findingLines({ severity, message, hint }: KeyFinding, { colours }: Session): string[] {
  const paint = { critical: colours.red, warning: colours.yellow, info: (text: string) => text }[severity]
  const line = `  ${paint(severity)}: ${oneLine(message)}`
  return hint === null ? [line] : [line, `    hint: ${oneLine(hint)}`]
}
