import { isSecret } from '../../config/secret.js'

const ofStores = new Set(['store', 'provider', 'from'])

/** The environment variables that a configuration names for its secrets; those of stores and providers are their own. */
export function secretVariables(config: unknown): string[] {
  const found = new Set<string>()
  const collect = (value: unknown): void => {
    if (isSecret(value)) {
      const name = /^environment variable (\w+)$/.exec(value.description)?.[1]
      if (name !== undefined) found.add(name)
    } else if (typeof value === 'object' && value !== null)
      for (const [key, member] of Object.entries(value)) if (!ofStores.has(key)) collect(member)
  }
  collect(config)
  return [...found].sort()
}
