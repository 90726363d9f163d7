import { fillByte, place, rewind } from './bit-writer'
import { chooseCodes, forgetCounts, writeCoded } from './coded-block'
import { blockBytes, input, lastSeen, lastSeenBits, maxInputBytes, output } from './memory-map'
import { findRepeats } from './repeats'
import { writeStored } from './stored-block'
import { layOutLengths } from './symbols'
import { clearWords } from './words'

export const inputAt: usize = input
export const outputAt: usize = output

layOutLengths()

/**
 * Deflates the first `length` bytes at `inputAt` (RFC 1951): from them alone, and from the same ones always to the same.
 * @returns how many bytes lie at `outputAt`
 */
export function deflate(length: u32): u32 {
  if (length > maxInputBytes) unreachable()
  clearWords(lastSeen, 1 << lastSeenBits)
  rewind()
  const end = input + <usize>length
  let from = input
  do {
    const to = end - from > <usize>blockBytes ? from + <usize>blockBytes : end
    const isLast = to === end
    forgetCounts()
    findRepeats(from, to, end)
    if (chooseCodes() < (<u64>(to - from)) << 3) writeCoded(from, isLast)
    else writeStored(from, to, isLast)
    from = to
  } while (from < end)
  fillByte()
  return <u32>(place - output)
}
