import { fillByte, writeBits, writeBytes } from './bit-writer'

const mostBytes: usize = 0xffff

/** Writes bytes that would not get shorter as they are (RFC 1951, 3.2.4). */
export function writeStored(from: usize, to: usize, isLast: bool): void {
  let at = from
  do {
    const end = to - at > mostBytes ? at + mostBytes : to
    const length = <u64>(end - at)
    writeBits(isLast && end === to ? 1 : 0, 3)
    fillByte()
    writeBits(length | ((length ^ 0xffff) << 16), 32)
    writeBytes(at, end - at)
    at = end
  } while (at < to)
}
