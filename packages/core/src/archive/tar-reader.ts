import { ByteReader } from '../streams/byte-reader.js'
import type { ByteSource } from '../streams/byte-source.js'
import { truncated } from './archive-scanner.js'
import { invalid } from './front-reader.js'

/** A regular file of a tar archive. Its body must be read (or is skipped) before the next one is asked for. */
export interface TarFile {
  readonly name: string
  readonly sizeBytes: number
  readonly body: ByteSource
}

const blockBytes = 512
/** Bounds what a hostile archive may claim for a name or a set of attributes. */
const maxAttributeBytes = 2 ** 20

/**
 * Reads a tar archive as it streams past: ustar, with the long names and sizes of GNU tar and of pax (POSIX.1-2001).
 * Only regular files are shown. The end of the listing means that the archive's own end was seen.
 * @throws BackupError `archive-truncated`, `archive-invalid`
 */
export async function* readTar(source: ByteSource): AsyncIterable<TarFile> {
  const reader = new ByteReader(source)
  try {
    let named: { readonly name?: string | undefined; readonly sizeBytes?: number | undefined } = {}
    for (;;) {
      const header = await reader.take(blockBytes)
      if (header.byteLength < blockBytes) throw truncated('the tar archive ends without its end mark')
      if (header.every(byte => byte === 0)) break
      checkSum(header)
      const type = String.fromCharCode(header[156]!)
      const sizeBytes = named.sizeBytes ?? readNumber(header.subarray(124, 136))
      if (type === 'x' || type === 'L') {
        const text = await attributes(reader, readNumber(header.subarray(124, 136)))
        named = type === 'L' ? { ...named, name: text.replace(/\0.*$/s, '') } : { ...named, ...readPax(text) }
        continue
      }
      const name = named.name ?? nameIn(header)
      named = {}
      const body = fileBody(reader, sizeBytes, name)
      if (type === '0' || type === '\0' || type === '7') yield { name, sizeBytes, body }
      for await (const _ of body) {
        // What the caller left, or what is no file.
      }
      await reader.take(padding(sizeBytes))
    }
    for await (const _ of reader.rest()) {
      // tar fills its last record up with zeros.
    }
  } finally {
    await reader.close()
  }
}

async function* fileBody(reader: ByteReader, sizeBytes: number, name: string): ByteSource {
  let left = sizeBytes
  while (left > 0) {
    const bytes = await reader.take(Math.min(left, 65_536))
    if (bytes.byteLength === 0) throw truncated(`the tar archive ends within ${JSON.stringify(name)}`)
    left -= bytes.byteLength
    yield bytes
  }
}

async function attributes(reader: ByteReader, sizeBytes: number): Promise<string> {
  if (sizeBytes > maxAttributeBytes) throw invalid(`the tar archive claims attributes of ${sizeBytes} bytes`)
  const bytes = await reader.take(sizeBytes)
  await reader.take(padding(sizeBytes))
  return bytes.toString('utf8')
}

function padding(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes
}

/** @throws BackupError `archive-invalid` */
export function checkSum(header: Buffer): void {
  let sum = 0
  for (const [at, byte] of header.entries()) sum += at >= 148 && at < 156 ? 32 : byte
  if (sum !== readNumber(header.subarray(148, 156)))
    throw invalid('it is not a tar archive, or a header in it is damaged')
}

/** Octal digits, or (first bit set) a big-endian number, as GNU tar writes sizes from 8 GiB on. */
export function readNumber(field: Buffer): number {
  if ((field[0]! & 0x80) !== 0) {
    const value = Number(field.readBigUInt64BE(field.byteLength - 8))
    if (!Number.isSafeInteger(value)) throw invalid('the tar archive claims an impossible size')
    return value
  }
  const digits = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trim()
  if (!/^[0-7]*$/.test(digits)) throw invalid('it is not a tar archive, or a header in it is damaged')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

function nameIn(header: Buffer): string {
  const text = (from: number, to: number) => header.toString('utf8', from, to).replace(/\0.*$/s, '')
  const prefix = header.toString('latin1', 257, 262) === 'ustar' ? text(345, 500) : ''
  return prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`
}

/** Records of `<length> <key>=<value>\n`. */
function readPax(text: string): { name?: string; sizeBytes?: number } {
  const found: { name?: string; sizeBytes?: number } = {}
  for (const line of text.split('\n')) {
    const [, key, value] = /^\d+ ([^=]+)=(.*)$/s.exec(line) ?? []
    if (key === 'path' && value !== undefined) found.name = value
    if (key === 'size' && value !== undefined) found.sizeBytes = Number(value)
  }
  return found
}
