import type * as secrets from '../../../core/src/config/secret.js'
import { registerSecret } from './leak-record.js'

/** The module with every secret that somebody refers to registered: of a configuration, a provider, a channel, a store. */
export function watchSecrets(original: typeof secrets): typeof secrets {
  const { secret } = original
  return {
    ...original,
    secret: {
      env(name) {
        const found = secret.env(name)
        const read = () => {
          const text = found.read()
          registerSecretText(text)
          return text
        }
        return Object.freeze({ ...found, read })
      },
      value(text, description) {
        registerSecretText(text)
        return secret.value(text, description)
      },
    },
  }
}

/** Registers what gives a secret away: of an address of a database its password, of a web address all of it. */
export function registerSecretText(text: string | undefined): void {
  if (text === undefined) return
  if (text.includes('PRIVATE KEY')) {
    // Any line of a key gives it away, but those of its signatures: they are public, and begin as other signatures do.
    for (const line of text.split('\n').filter(one => one.length >= 60 && !isOfSignature(one))) registerSecret(line)
  } else if (URL.canParse(text)) {
    registerPasswordOf(text)
    // Whoever knows the address of a hook may write there.
    const { protocol, pathname } = new URL(text)
    if (/^https?:$/.test(protocol) && pathname.length > 8) registerSecret(text)
  } else registerSecret(text)
}

export function registerPasswordOf(url: string): void {
  if (!URL.canParse(url)) return
  const { password } = new URL(url)
  registerSecret(decoded(password))
}

/** Whether a line of armor holds a part of what the library salts signatures with. */
function isOfSignature(line: string): boolean {
  return /@notations|openpgpjs/.test(Buffer.from(line, 'base64').toString('latin1'))
}

function decoded(password: string): string {
  try {
    return decodeURIComponent(password)
  } catch {
    // A bare % stands for itself.
    return password
  }
}
