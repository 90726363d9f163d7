import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { fastDeflate, mostFastBytes } from '../../core/src/codec/fast-deflate.ts'

/*
 * Our own deflate (docs/decisions/0050-deflate-of-our-own.md) beside zlib's, block by block on one thread, over rows of
 * several kinds: MB of plain bytes in a second of processor time (the best of three), and what is left of them.
 * pnpm bench:codec
 */
const plainBytes = 24 * mostFastBytes
const words =
  'the quick brown fox jumps over a lazy dog while seven wizards quietly box in the far north of an old town'.split(' ')

const md5 = (text: string | number) => createHash('md5').update(`${text}`).digest('hex')
const word = (i: number) => words[Number.parseInt(md5(i).slice(0, 6), 16) % words.length]!

const rows: Record<string, (i: number) => string> = {
  'events, with two hashes each': i =>
    `${i}\t${1 + ((i * 7919) % 190_000)}\tlogin\t2024-01-01 ${10 + (i % 14)}:${10 + (i % 50)}:${10 + (i % 43)}+00\tsession ${md5(i % 50_000)} path /app/${i % 997}/items/${i % 10_007} agent Mozilla/5.0 (X11; Linux x86_64) ${md5(i)}\n`,
  'customers, with jsonb': i =>
    `${i}\tuser${i}@example.org\tName ${md5(i)}\t2024-01-02 03:04:05+00\t{"plan": "${['free', 'pro', 'team'][i % 3]}", "seats": ${i % 50}}\n`,
  'json documents': i =>
    `{"id": ${i}, "tags": ["${word(i)}", "${word(i + 1)}"], "owner": {"name": "${word(i * 3)}", "active": ${i % 2 === 0}}, "total": ${(i * 7) % 1_000}.50}\n`,
  prose: i => `${i}\t${Array.from({ length: 40 }, (_, k) => word(i * 40 + k)).join(' ')}.\n`,
  'bytea in hex': i => `${i}\t\\\\x${md5(i)}${md5(i + 0.5)}${md5(i + 0.25)}${md5(i + 0.75)}\n`,
}

const ways: Record<string, (block: Buffer) => number> = {
  ours: block => fastDeflate(block).byteLength,
  'zlib, level 1': block => gzipSync(block, { level: 1, memLevel: 9 }).byteLength,
  'zlib, level 6': block => gzipSync(block, { level: 6, memLevel: 9 }).byteLength,
}

const say = (cells: readonly string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`)
process.stdout.write(`Node ${process.version}\n\n`)
say(['rows', ...Object.keys(ways)])
say(['---', ...Object.keys(ways).map(() => '---')])
for (const [kind, row] of Object.entries(rows)) {
  const plain = filled(row)
  say([kind, ...Object.values(ways).map(way => measured(plain, way))])
}

function filled(row: (i: number) => string): Buffer {
  const plain = Buffer.alloc(plainBytes)
  let at = 0
  for (let i = 0; at < plainBytes; i++) at += plain.write(row(i), at)
  return plain
}

function measured(plain: Buffer, way: (block: Buffer) => number): string {
  let best = Number.POSITIVE_INFINITY
  let left = 0
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage()
    left = 0
    for (let at = 0; at < plainBytes; at += mostFastBytes) left += way(plain.subarray(at, at + mostFastBytes))
    const used = process.cpuUsage(before)
    best = Math.min(best, used.user + used.system)
  }
  return `${(plainBytes / best).toFixed(0)} MB/s, ${((100 * left) / plainBytes).toFixed(1)} %`
}
