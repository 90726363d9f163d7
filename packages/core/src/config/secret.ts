import { BackupError, isBackupError } from '../errors/backup-error.js'

const brand = Symbol.for('@lifeboat/Secret')
const inspect = Symbol.for('nodejs.util.inspect.custom')

/** A reference to a secret: read late, shown as its name everywhere, `console.log` and JSON included. */
export interface SecretReference {
  readonly [brand]: true
  /** Where it comes from, for people: `environment variable X`. */
  readonly description: string
  /** Reads it now. @throws BackupError `secret-missing` when there is none, or an empty one */
  read(): string
  toJSON(): string
  toString(): string
}

export const secret = {
  /** A secret in an environment variable. */
  env(name: string): SecretReference {
    return reference(`environment variable ${name}`, () => {
      const value = process.env[name]
      if (value === undefined || value === '') {
        throw new BackupError('secret-missing', `environment variable ${name} is not set`, {
          hint: `set ${name} in the environment this runs in, or name another variable in the configuration`,
        })
      }
      return value
    })
  },
  /** A secret that the caller already holds, such as one fetched from a vault. */
  value(value: string, description = 'given by the caller'): SecretReference {
    return reference(description, () => {
      if (value === '') {
        throw new BackupError('secret-missing', `the secret (${description}) is empty`, {
          hint: 'check what the vault or the calling code hands to secret.value',
        })
      }
      return value
    })
  },
}

/** The same secret, which names its key in the configuration when it is missing. */
export function locateSecret(found: SecretReference, path: string): SecretReference {
  return reference(found.description, () => {
    try {
      return found.read()
    } catch (error) {
      if (!isBackupError(error, 'secret-missing') || error.message.startsWith(path)) throw error
      throw new BackupError('secret-missing', `${path}: ${error.message}`, { hint: error.hint, cause: error })
    }
  })
}

export function isSecret(value: unknown): value is SecretReference {
  return typeof value === 'object' && value !== null && brand in value
}

/** The value lives in the closure of `read` alone, where no serializer looks. */
function reference(description: string, read: () => string): SecretReference {
  const show = () => `[secret: ${description}]`
  const shown = { [brand]: true as const, [inspect]: show, description, read, toJSON: show, toString: show }
  return Object.freeze(shown)
}
