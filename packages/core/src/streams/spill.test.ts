import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { bytesOf } from './byte-source.js'
import { bytesToLines } from './lines.js'
import { openSpill } from './spill.js'

describe('a spill', () => {
  it('gives back its lines, more than once, in their order', async () => {
    const spill = await openSpill()
    const lines = Array.from({ length: 30_000 }, (_, n) => `line ${n} with ünïcödé and 🛟`)
    for (const line of lines) await spill.append(line)
    for (let round = 0; round < 2; round++) {
      const read: string[] = []
      for await (const line of spill.read()) read.push(line)
      expect(read).toEqual(lines)
    }
    expect(spill.lines).toBe(lines.length)
    await spill.close()
  })

  // Only Linux tells, in /proc, which files a process holds open.
  it.runIf(process.platform === 'linux')('lies in a file without a name, and not in clear', async () => {
    const spill = await openSpill()
    for (let n = 0; n < 5000; n++) await spill.append(`customers/alice/${n}`)
    for await (const _ of spill.read()) break
    const { readdir, readlink } = await import('node:fs/promises')
    const open = await Promise.all(
      (await readdir('/proc/self/fd')).map(async fd => [fd, await readlink(`/proc/self/fd/${fd}`).catch(() => '')]),
    )
    const files = open.filter(([, target]) => target?.includes('lifeboat-spill-'))
    expect(files.length).toBeGreaterThan(0)
    for (const [fd, target] of files) {
      expect(target).toMatch(/ \(deleted\)$/)
      const bytes = await readFile(`/proc/self/fd/${fd}`)
      expect(bytes.includes('customers')).toBe(false)
    }
    await spill.close()
  })
})

describe('lines of bytes', () => {
  it('are the same however the bytes are cut', async () => {
    const text = 'one\n\ntwo ünï\nthree'
    const bytes = Buffer.from(text)
    for (let at = 1; at < bytes.byteLength; at++) {
      const lines: string[] = []
      for await (const line of bytesToLines(bytesOf(bytes.subarray(0, at), bytes.subarray(at)))) lines.push(line)
      expect(lines).toEqual(text.split('\n'))
    }
  })

  it('are bounded', async () => {
    const reading = async () => {
      for await (const _ of bytesToLines(bytesOf('x'.repeat(1000)), 100));
    }
    await expect(reading()).rejects.toThrow(RangeError)
  })
})
