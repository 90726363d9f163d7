import type { ExportResult } from '@lifeboat/core'
import { renderBackup } from './backup-lines.js'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatTime } from './quantities.js'

export function renderExports({ product, exports }: ExportResult, colours: Colours): string[] {
  if (exports.length === 0) return [`${product}: the provider has no export`]
  return exports.flatMap(({ backup, mirrored, skipped }) => {
    const name = `${product}: export ${oneLine(backup.id)}`
    const made = backup.createdAt === null ? '' : ` of ${formatTime(backup.createdAt)}`
    const until = backup.expiresAt === null ? '' : `, kept by the provider until ${formatTime(backup.expiresAt)}`
    const fate = mirrored === null ? ` (not stored: ${oneLine(skipped ?? '')})` : ''
    return [`${name}${made}${until}${fate}`, ...(mirrored === null ? [] : renderBackup(mirrored, colours))]
  })
}
