import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { type Command, withLongWrites } from './long-writes.js'

/** Writes 2,000 lines of 100 bytes through C's standard output. */
const writer: Command = {
  file: '/usr/bin/awk',
  args: ['BEGIN { for (i = 0; i < 2000; i++) printf "%099d\\n", i; exit 7 }'],
}

interface Run {
  readonly status: number | null
  readonly text: string
  readonly longestPiece: number
}

function run(command: Command): Promise<Run> {
  const child = spawn(command.file, command.args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const pieces: Buffer[] = []
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece))
  return new Promise(resolve =>
    child.once('close', status =>
      resolve({
        status,
        text: Buffer.concat(pieces).toString(),
        longestPiece: Math.max(...pieces.map(piece => piece.byteLength)),
      }),
    ),
  )
}

describe('a program that is to write in long pieces', () => {
  it('writes the same and ends with the same status', async () => {
    const plain = await run(writer)
    const long = await run(await withLongWrites(writer))
    expect(long).toMatchObject({ status: 7, text: plain.text })
    expect(long.longestPiece).toBeGreaterThanOrEqual(plain.longestPiece)
  })

  it('is started through stdbuf where that is on the PATH', async () => {
    const { file, args } = await withLongWrites(writer, { PATH: '/nowhere:/usr/bin' }, 'linux')
    expect(file).toBe('/usr/bin/stdbuf')
    expect(args).toEqual(['--output=65536', writer.file, ...writer.args])
  })

  it.each([
    ['without stdbuf', { PATH: '/nowhere' }, 'linux'],
    ['with a stdbuf in a relative folder', { PATH: 'usr/bin' }, 'linux'],
    ['on another system', process.env, 'darwin'],
  ] as const)('is started as it is %s', async (_, environment, platform) => {
    expect(await withLongWrites(writer, environment, platform)).toBe(writer)
  })

  it('is started as it is when it does not exist, so that the error names it', async () => {
    const missing: Command = { file: '/nowhere/pg_dump', args: [] }
    expect(await withLongWrites(missing)).toBe(missing)
  })
})
