/** One entry of a tar archive, as it is written. Names are bytes: on Linux they need not be UTF-8. */
export interface TarEntry {
  readonly kind: 'file' | 'folder' | 'link'
  readonly name: Buffer
  /** Of a link: what it says. */
  readonly target?: Buffer | undefined
  /** Permissions and the bits above them. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeNs: bigint
  /** Of the body that follows. */
  readonly bodyBytes: number
  /** Of a file with holes: its whole size; the body begins with the map of what is no hole. */
  readonly sparseBytes?: number | undefined
}

export const blockBytes = 512
/** What a regular archive ends with: two blocks of zeros. */
export const endMark = Buffer.alloc(2 * blockBytes)

/** How many zeros fill the last block of a body. */
export function paddingOf(bodyBytes: number): number {
  return (blockBytes - (bodyBytes % blockBytes)) % blockBytes
}

/**
 * The blocks before an entry's body: a ustar header, and before it what does not fit there as pax records (POSIX.1-2001)
 * that stock tar reads: long and odd names, times below a second, large sizes, holes as GNU tar's format 1.0 has them.
 */
export function encodeHeader(entry: TarEntry): Buffer {
  const records = recordsOf(entry)
  const shown = entry.sparseBytes === undefined ? entry.name : sparseName(entry.name)
  const type = { file: '0', link: '2', folder: '5' }[entry.kind]
  const header = ustar({ ...entry, name: entry.kind === 'folder' ? withSlash(shown) : shown }, type)
  if (records.length === 0) return header
  const body = Buffer.concat(records)
  const plain = { mode: 0o644, uid: 0, gid: 0, mtimeNs: entry.mtimeNs, kind: 'file' as const }
  return Buffer.concat([
    ustar({ ...plain, name: Buffer.from('PaxHeader/entry'), bodyBytes: body.length }, 'x'),
    body,
    Buffer.alloc(paddingOf(body.length)),
    header,
  ])
}

/** A global comment, as `git archive` writes one: it says nothing to stock tar. */
export function encodeComment(text: string): Buffer {
  const body = record('comment', text)
  const plain = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n, kind: 'file' as const }
  return Buffer.concat([
    ustar({ ...plain, name: Buffer.from('pax_global_header'), bodyBytes: body.length }, 'g'),
    body,
    Buffer.alloc(paddingOf(body.length)),
  ])
}

function recordsOf(entry: TarEntry): Buffer[] {
  const { name, target, mtimeNs, sparseBytes } = entry
  const records: Buffer[] = []
  const add = (key: string, value: string | Buffer) => records.push(record(key, value))
  if (sparseBytes === undefined) {
    const path = entry.kind === 'folder' ? withSlash(name) : name
    if (!fits(path)) add('path', path)
  } else {
    add('GNU.sparse.major', '1')
    add('GNU.sparse.minor', '0')
    add('GNU.sparse.name', name)
    add('GNU.sparse.realsize', String(sparseBytes))
  }
  if (target !== undefined && !fits(target)) add('linkpath', target)
  if (entry.bodyBytes > maxOctal(11)) add('size', String(entry.bodyBytes))
  if (entry.uid > maxOctal(7)) add('uid', String(entry.uid))
  if (entry.gid > maxOctal(7)) add('gid', String(entry.gid))
  if (mtimeNs % second !== 0n || mtimeNs < 0n || mtimeNs / second > BigInt(maxOctal(11))) add('mtime', seconds(mtimeNs))
  return records
}

const second = 1_000_000_000n

function seconds(ns: bigint): string {
  const sign = ns < 0n ? '-' : ''
  const size = ns < 0n ? -ns : ns
  return `${sign}${size / second}.${String(size % second).padStart(9, '0')}`
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function record(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')])
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

function ustar(entry: Omit<TarEntry, 'sparseBytes'>, type: string): Buffer {
  const block = Buffer.alloc(blockBytes)
  const octal = (value: number, at: number, digits: number) =>
    block.write(`${Math.min(value, maxOctal(digits)).toString(8).padStart(digits, '0')}\0`, at, 'latin1')
  // A name that does not fit is cut here and stands whole in the records before.
  entry.name.copy(block, 0, 0, 100)
  octal(entry.mode & 0o7777, 100, 7)
  octal(entry.uid, 108, 7)
  octal(entry.gid, 116, 7)
  octal(entry.bodyBytes, 124, 11)
  const at = entry.mtimeNs / second
  octal(at < 0n ? 0 : Number(at), 136, 11)
  block.write('        ', 148, 'latin1')
  block.write(type, 156, 'latin1')
  entry.target?.copy(block, 157, 0, 100)
  block.write('ustar\x0000', 257, 'latin1')
  let sum = 0
  for (const byte of block) sum += byte
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function maxOctal(digits: number): number {
  return 8 ** digits - 1
}

function fits(name: Buffer): boolean {
  return name.length <= 100 && name.every(byte => byte >= 0x20 && byte < 0x7f)
}

function withSlash(name: Buffer): Buffer {
  return Buffer.concat([name, Buffer.from('/')])
}

/** What a tar that knows no holes calls the file, so that nobody takes the map for its content; as GNU tar has it. */
function sparseName(name: Buffer): Buffer {
  const at = name.lastIndexOf('/')
  return Buffer.concat([name.subarray(0, at + 1), Buffer.from('GNUSparseFile.0/'), name.subarray(at + 1)])
}
