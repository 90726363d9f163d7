import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { openScratchServer } from './scratch-server.js'

describe('the room for a drill', () => {
  it('is looked at before a server is started, and what is missing is said', async () => {
    const before = await readdir(tmpdir())
    const need = { databaseBytes: 2 ** 50, sourceMajor: 15, workFolder: tmpdir(), source: undefined, signal: undefined }
    await expect(openScratchServer({ kind: 'local' }, need)).rejects.toMatchObject({
      code: 'target-unfit',
      message: expect.stringMatching(/^a drill needs about 1\.3 PB, and .* has room for [\d.]+ [GT]B$/),
      hint: expect.stringContaining('TMPDIR'),
    })
    expect((await readdir(tmpdir())).filter(name => !before.includes(name) && /^lifeboat-postgres/.test(name))).toEqual(
      [],
    )
  })
})
