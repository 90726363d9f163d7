import { BackupError } from '../errors/backup-error.js'
import { configSchema, type LifeboatConfig, type ResolvedConfig } from './config-schema.js'
import { readableIssues } from './readable-issues.js'
import { isSecret, locateSecret } from './secret.js'

/** Types a configuration; returns it as it is. Checked when it is opened. */
export function defineConfig(config: LifeboatConfig): LifeboatConfig {
  return config
}

/**
 * Checks a configuration and resolves its defaults. The result is frozen, but for stores and providers.
 * @throws BackupError `config-invalid`, naming the path of every wrong key and never its value where that may be secret
 */
export function resolveConfig(config: unknown): ResolvedConfig {
  const result = configSchema.safeParse(config, {
    error: issue => (issue.code === 'invalid_type' && issue.input === undefined ? 'missing' : undefined),
  })
  if (result.success) return settleRecords(result.data, '')
  const problems = readableIssues(result.error.issues)
  throw new BackupError('config-invalid', `the configuration is not valid: ${problems.join('; ')}`, {
    hint: 'correct the named keys; docs/configuration.md lists every key',
  })
}

/** Freezes what the schema made, and tells secrets their keys; stores and providers are the caller's own and stay as they are. */
function settleRecords<T>(value: T, path: string): T {
  if (isSecret(value)) return locateSecret(value, path) as T
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const record = value as Record<string, unknown>
  for (const [key, member] of Object.entries(record)) {
    if (key !== 'store' && key !== 'provider' && key !== 'from')
      record[key] = settleRecords(member, path === '' ? key : `${path}.${key}`)
  }
  return Object.freeze(value)
}
