import { describe, expect, it } from 'vitest'
import { connect } from './connection.js'
import { parseConnectionUrl } from './connection-target.js'

describe('a database address', () => {
  it.each([
    ['a misspelt sslmode, which must not mean that nobody checks the certificate', '?sslmode=verify-ful', 'sslmode is'],
    ['a port that is none', '?port=abc', 'its port is none'],
    ['a port that is too high', '?port=70000', 'its port is none'],
  ])('with %s is refused', (_, search, why) => {
    const parse = () => parseConnectionUrl(`postgres://ann:hunter2@localhost/shop${search}`)
    expect(parse).toThrow(expect.objectContaining({ code: 'config-invalid', message: expect.stringContaining(why) }))
    expect(parse).not.toThrow(/hunter2/)
  })

  it('says that its certificates cannot be read, and not that the server cannot be reached', async () => {
    const target = parseConnectionUrl('postgres://ann@127.0.0.1:1/x?sslmode=verify-full&sslrootcert=/not/there.crt')
    await expect(connect(target)).rejects.toMatchObject({
      ...{ code: 'config-invalid', message: 'cannot read the certificates /not/there.crt: ENOENT' },
      hint: 'correct sslrootcert in the database address',
    })
  })
})
