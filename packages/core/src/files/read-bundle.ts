import { truncated } from '../archive/archive-scanner.js'
import { invalid } from '../archive/front-reader.js'
import { checkSum, readNumber } from '../archive/tar-reader.js'
import { ByteReader } from '../streams/byte-reader.js'
import type { ByteSource } from '../streams/byte-source.js'
import { blockBytes, paddingOf } from './tar-header.js'

/** One entry of a bundle, as it streams past. Its body must be read (or is skipped) before the next one is asked for. */
export interface BundleEntry {
  /** `other`: something that this tool never writes. */
  readonly kind: 'file' | 'folder' | 'link' | 'other'
  /** Without a slash at the end. */
  readonly name: Buffer
  readonly target: Buffer
  /** Permissions and the bits above them. */
  readonly mode: number
  readonly mtimeNs: bigint
  /** Of a file's content, holes included. */
  readonly sizeBytes: number
  /** Whether the body begins with a map of what is no hole. */
  readonly sparse: boolean
  /** What is stored: the content, or the map and what it names. */
  readonly body: ByteSource
}

/** Bounds what a hostile archive may claim for one entry's names. */
const maxRecordBytes = 2 ** 20
/** Of zeros after the end; stock tar fills its last record up with them. */
const maxTailBytes = 2 ** 20

/**
 * Reads a bundle to its proven end: two blocks of zeros, and nothing but zeros behind them.
 * @param onSalt gets what the bundle's hashes are salted with, before the first entry
 * @throws BackupError `archive-truncated`, `archive-invalid`
 */
export async function* readBundle(
  source: ByteSource,
  onSalt: (salt: Buffer) => void = () => {},
): AsyncIterable<BundleEntry> {
  const reader = new ByteReader(source)
  try {
    let records: Records = new Map()
    for (;;) {
      const header = await reader.take(blockBytes)
      if (header.length < blockBytes) throw truncated('the tar archive ends without its end mark')
      if (header.every(byte => byte === 0)) break
      checkSum(header)
      const type = String.fromCharCode(header[156]!)
      if ('xgLK'.includes(type)) {
        const bytes = await attributes(reader, readNumber(header.subarray(124, 136)))
        if (type === 'g') onSalt(bytes)
        else records = addRecords(type, bytes, records)
        continue
      }
      const bodyBytes = numberIn(records, 'size') ?? readNumber(header.subarray(124, 136))
      const body = bodyOf(reader, bodyBytes)
      yield entryOf(header, type, records, bodyBytes, body)
      records = new Map()
      for await (const _ of body) {
        // What the caller left.
      }
      const padding = paddingOf(bodyBytes)
      if ((await reader.take(padding)).length < padding) throw truncated('the tar archive ends within an entry')
    }
    if (records.size > 0) throw invalid('the tar archive ends after the attributes of an entry')
    await readTail(reader)
  } finally {
    await reader.close()
  }
}

/** The end mark's second block, and what may follow it. */
async function readTail(reader: ByteReader): Promise<void> {
  const second = await reader.take(blockBytes)
  if (second.length < blockBytes) throw truncated('the tar archive ends within its end mark')
  let bytes = 0
  for await (const chunk of rest()) {
    bytes += chunk.length
    if (bytes > maxTailBytes + blockBytes || chunk.some(byte => byte !== 0))
      throw invalid('the tar archive goes on after its end')
  }

  async function* rest(): ByteSource {
    yield second
    yield* reader.rest()
  }
}

async function* bodyOf(reader: ByteReader, bodyBytes: number): ByteSource {
  let left = bodyBytes
  while (left > 0) {
    const bytes = await reader.take(Math.min(left, 262_144))
    if (bytes.length === 0) throw truncated('the tar archive ends within an entry')
    left -= bytes.length
    yield bytes
  }
}

type Records = ReadonlyMap<string, Buffer>

async function attributes(reader: ByteReader, sizeBytes: number): Promise<Buffer> {
  if (sizeBytes > maxRecordBytes) throw invalid(`the tar archive claims attributes of ${sizeBytes} bytes`)
  const bytes = await reader.take(sizeBytes)
  const padding = await reader.take(paddingOf(sizeBytes))
  if (bytes.length + padding.length < sizeBytes + paddingOf(sizeBytes))
    throw truncated('the tar archive ends within the attributes of an entry')
  // The reader's memory is used again.
  return Buffer.from(bytes)
}

/** Pax records (`x`), and the long names (`L`) and long targets (`K`) of GNU tar. */
function addRecords(type: string, bytes: Buffer, before: Records): Records {
  if (type === 'x') return new Map([...before, ...paxRecords(bytes)])
  const end = bytes.indexOf(0)
  return new Map([...before, [type === 'L' ? 'path' : 'linkpath', end === -1 ? bytes : bytes.subarray(0, end)]])
}

/** Records of `<length> <key>=<value>\n`; a value may hold anything. */
function* paxRecords(bytes: Buffer): Iterable<[string, Buffer]> {
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at)
    const digits = bytes.toString('latin1', at, space)
    const length = Number(digits)
    const equals = bytes.indexOf(0x3d, space)
    const wrong = space === -1 || !/^[1-9]\d{0,7}$/.test(digits) || equals === -1
    if (wrong || at + length > bytes.length || equals >= at + length || bytes[at + length - 1] !== 0x0a)
      throw invalid('the attributes of an entry of the tar archive are damaged')
    yield [bytes.toString('latin1', space + 1, equals), bytes.subarray(equals + 1, at + length - 1)]
    at += length
  }
}

function entryOf(header: Buffer, type: string, records: Records, bodyBytes: number, body: ByteSource): BundleEntry {
  const sparse = records.get('GNU.sparse.major')?.toString() === '1'
  const sparseBytes = numberIn(records, 'GNU.sparse.realsize')
  if (sparse && sparseBytes === undefined) throw invalid('a file with holes does not say how large it is')
  const kind = ({ '0': 'file', '\0': 'file', '7': 'file', '2': 'link', '5': 'folder' } as const)[type] ?? 'other'
  const name = records.get('GNU.sparse.name') ?? records.get('path') ?? nameIn(header)
  return {
    kind,
    name: name.at(-1) === 0x2f ? name.subarray(0, -1) : name,
    target: records.get('linkpath') ?? textIn(header, 157, 257),
    mode: readNumber(header.subarray(100, 108)) & 0o7777,
    mtimeNs:
      mtimeOf(records.get('mtime')?.toString()) ?? BigInt(readNumber(header.subarray(136, 148))) * 1_000_000_000n,
    sizeBytes: sparse ? sparseBytes! : bodyBytes,
    ...{ sparse, body },
  }
}

function nameIn(header: Buffer): Buffer {
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? textIn(header, 345, 500) : Buffer.alloc(0)
  const name = textIn(header, 0, 100)
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name])
}

function textIn(header: Buffer, from: number, to: number): Buffer {
  const field = header.subarray(from, to)
  const end = field.indexOf(0)
  return Buffer.from(end === -1 ? field : field.subarray(0, end))
}

function numberIn(records: Records, key: string): number | undefined {
  const text = records.get(key)?.toString('latin1')
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value))
    throw invalid(`an entry claims a ${key} of ${text.slice(0, 40)}`)
  return value
}

function mtimeOf(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined
  const [, sign, whole, part = ''] = /^(-?)(\d{1,12})(?:\.(\d+))?$/.exec(text) ?? []
  if (whole === undefined) throw invalid(`an entry claims a time of ${text.slice(0, 40)}`)
  const ns = BigInt(whole) * 1_000_000_000n + BigInt(part.slice(0, 9).padEnd(9, '0'))
  return sign === '-' ? -ns : ns
}
