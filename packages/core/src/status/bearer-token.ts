import { createHash, timingSafeEqual } from 'node:crypto'
import { isSecret, type SecretReference } from '../config/secret.js'
import { BackupError } from '../errors/backup-error.js'

/** A token that requests must carry, as a text or as a secret that is read at the first request. */
export type Token = string | SecretReference

/**
 * Refuses a request that does not carry the token; undefined lets it in. The comparison takes as long for any token.
 * @throws BackupError `config-invalid` for an empty token: it would let everybody in
 */
export function requireToken(token: Token | undefined): (request: Request) => Response | undefined {
  if (token === undefined) return () => undefined
  if (token === '')
    throw new BackupError('config-invalid', 'the token is empty', {
      hint: "give secret.env('NAME'), which fails where the variable is not set; or leave the token out",
    })
  return request => {
    const expected = digest(isSecret(token) ? token.read() : token)
    const [scheme, given = '', ...more] = (request.headers.get('authorization') ?? '').split(' ')
    const matches = timingSafeEqual(digest(given), expected)
    if (scheme?.toLowerCase() === 'bearer' && more.length === 0 && matches) return undefined
    return new Response(request.method === 'HEAD' ? null : '{"error":"unauthorized"}\n', {
      status: 401,
      headers: {
        'www-authenticate': 'Bearer realm="lifeboat"',
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'no-store',
      },
    })
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
