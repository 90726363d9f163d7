import { BackupError } from '../errors/backup-error.js'

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const forbidden = /[\\\u0000-\u001f\u007f]/
/** Half a character: written as bytes, two different keys would become one. */
const loneSurrogate = /\p{Surrogate}/u
/** S3 takes 1,024 bytes, prefix included (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html). */
const maxKeyBytes = 900

/**
 * Refuses a key that could leave its prefix or that a store could read differently.
 * @throws BackupError `store-refused`
 */
export function assertKey(key: string): void {
  const segments = key.split('/')
  const bad = forbidden.test(key) || segments.some(segment => segment === '' || segment === '.' || segment === '..')
  if (bad || loneSurrogate.test(key) || Buffer.byteLength(key) > maxKeyBytes) {
    throw new BackupError('store-refused', `not a key: ${JSON.stringify(key.slice(0, 100))}`, {
      hint: 'keys are relative paths of plain segments, such as product/id/manifest.json',
    })
  }
}
