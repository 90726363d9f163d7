import type { BackupOptions } from '../api/backups.js'
import { BackupError } from '../errors/backup-error.js'

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controls = /[\u0000-\u001f\u007f]/
const maxLabels = 16_384

/** Refuses a reason and labels that a manifest could not be read with again. @throws BackupError `config-invalid` */
export function refuseOddWords(options: BackupOptions): void {
  if ((options.reason ?? '').length > 200) {
    throw new BackupError('config-invalid', 'the reason is longer than 200 characters', {
      hint: 'put the long story into a label',
    })
  }
  const labels = Object.entries(options.labels ?? {})
  const odd = labels.find(([name]) => name === '' || name === '__proto__' || name.length > 100 || controls.test(name))
  if (odd) {
    throw new BackupError('config-invalid', `not the name of a label: ${JSON.stringify(odd[0].slice(0, 100))}`, {
      hint: 'use at most 100 characters, none of them a control character',
    })
  }
  if (labels.reduce((sum, [name, text]) => sum + name.length + text.length, 0) > maxLabels) {
    throw new BackupError('config-invalid', `the labels have more than ${maxLabels} characters`, {
      hint: 'every listing reads them: keep what is long elsewhere and name the place',
    })
  }
}
