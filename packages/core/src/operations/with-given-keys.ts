import type { Unlock } from '../encryption/open-pgp.js'
import type { OpenContext } from './open-context.js'

/** The same, where the private keys that were given for one call are at hand, too. */
export function withGivenKeys(context: OpenContext, { privateKeys }: Unlock): OpenContext {
  return {
    ...context,
    unlockFor: (...of) => {
      return async () => {
        const own = await context.unlockFor(...of)()
        return { passphrase: own.passphrase, privateKeys: [...own.privateKeys, ...privateKeys] }
      }
    },
  }
}
