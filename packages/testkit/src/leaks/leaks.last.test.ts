import { afterAll, describe, expect, it } from 'vitest'
import { findLeaks } from './find-leaks.js'
import { forgetRun, type LeakLine, outputKinds, readLines } from './leak-record.js'

const secret = `it's "quoted"/${'x'.repeat(9)} ü`

describe('a leak', () => {
  const output = (text: string): LeakLine => ({ kind: 'error', from: 'a test', text })
  it.each([
    ['as it is', secret],
    ['in JSON', JSON.stringify({ message: secret })],
    ['in JSON in JSON', JSON.stringify(JSON.stringify({ message: secret }))],
    ['in an address', `postgres://shop:${encodeURIComponent(secret)}@localhost/shop`],
    ['in base64', Buffer.from(`${secret} and more`).toString('base64')],
    ['in hex', Buffer.from(secret).toString('hex')],
  ])('is found %s, and not repeated', (_, text) => {
    const leaks = findLeaks([{ kind: 'secret', text: secret }, output('nothing here'), output(`before ${text} after`)])
    expect(leaks).toHaveLength(1)
    expect(leaks[0]?.from).toBe('error of a test')
    expect(JSON.stringify(leaks)).not.toContain(secret)
  })
})

// Needs what the other projects wrote down: alone it has nothing to look through, and says so.
describe('of the whole run', () => {
  const lines = readLines()
  afterAll(forgetRun)

  it('every kind of output was written down, and the secrets it was made with', () => {
    const counts: Record<string, number> = {}
    for (const { kind } of lines) counts[kind] = (counts[kind] ?? 0) + 1
    console.log(`looked through: ${JSON.stringify(counts)}`)
    // Nothing of ours writes to the console; what does is looked through all the same.
    for (const kind of ['secret', ...outputKinds.filter(one => one !== 'console')])
      expect(counts[kind] ?? 0, kind).toBeGreaterThan(10)
  })

  it('none of it holds a secret', () => {
    expect(findLeaks(lines)).toEqual([])
  })

  it('no file of a store, and no other that the toolkit makes, may be read by others than its owner', () => {
    expect(lines.filter(line => line.kind === 'mode')).toEqual([])
  })
})
