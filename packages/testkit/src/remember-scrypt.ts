import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

type Derive = (...given: unknown[]) => void
type Answer = (error: Error | null, key: Buffer) => void

/*
 * Loaded before every file of tests: a key that this process has derived is not derived again. The key of a seal takes a
 * tenth of a second by design, and a test that seals, then reads what it sealed, would pay it many times.
 */

const patched = Symbol.for('@lifeboat/testkit/scrypt')
const plain = crypto as unknown as { scrypt: Derive; [patched]?: true }
if (plain[patched] === undefined) {
  plain[patched] = true
  const { scrypt } = plain
  const known = new Map<string, Promise<Buffer>>()
  plain.scrypt = (...given) => {
    const answer = given.at(-1) as Answer
    const question = JSON.stringify(given.slice(0, -1).map(one => (one instanceof Uint8Array ? [...one] : one)))
    const key =
      known.get(question) ??
      new Promise<Buffer>((resolve, reject) =>
        scrypt(...given.slice(0, -1), (error: Error | null, made: Buffer) => (error ? reject(error) : resolve(made))),
      )
    known.set(question, key)
    // A copy: whoever clears a key after use must not clear that of others.
    key.then(
      made => answer(null, Buffer.from(made)),
      error => answer(error, Buffer.alloc(0)),
    )
  }
  syncBuiltinESMExports()
}
