import { BackupError } from '../errors/backup-error.js'

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const forbidden = /[\\\u0000-\u001f\u007f]/

/**
 * Refuses a key that could leave its prefix or that a store could read differently.
 * @throws BackupError `store-refused`
 */
export function assertKey(key: string): void {
  const segments = key.split('/')
  const bad = forbidden.test(key) || segments.some(segment => segment === '' || segment === '.' || segment === '..')
  if (bad || key.length > 900) {
    throw new BackupError('store-refused', `not a key: ${JSON.stringify(key.slice(0, 100))}`, {
      hint: 'keys are relative paths of plain segments, such as product/id/manifest.json',
    })
  }
}
