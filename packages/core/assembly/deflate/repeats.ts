import {
  distanceCounts,
  input,
  lastSeen,
  lastSeenBits,
  lengthSymbols,
  literalCounts,
  literalCountsStride,
  sequences,
} from './memory-map'
import { distanceSymbol, maxRepeat, minRepeat } from './symbols'
import { addTo, wordAt } from './words'

const window: usize = 32_768
/** Repeats are looked for by their first five bytes, and compared from the fourth on. */
const hashedBits: u64 = 40
const hashFactor: u64 = 0xcf1b_bcdc_bb00_0000
const comparedBytes: usize = 4
/** A repeat shorter than this costs about as much as its bytes would, unless it is near. */
const worthwhileFromAfar: u32 = 5
const nearBytes: u32 = 256
/** The longer nothing repeats, the larger the steps: one more for each 64 bytes. */
const patienceBits: usize = 6
/** What is read at once, and hashed, may lie this far behind the last place that is looked at. */
const readAheadBytes: usize = 16

/** End of the sequences of the last block, and how many bytes follow the last of them. */
export let sequencesEnd: usize = 0
export let literalsAtEnd: u32 = 0

/**
 * Cuts a block into literals and repeats of what stood before, and counts their symbols. The first repeat found is taken:
 * rows of a table repeat what stood a few rows before.
 * @param end of the whole input; what lies between it and `to` may be read, not used
 */
export function findRepeats(from: usize, to: usize, end: usize): void {
  let sequence = sequences
  let literals = from
  let at = from
  const last = end - readAheadBytes < to ? end - readAheadBytes : to
  while (at < last) {
    const slot = slotOf(at)
    let before = <usize>load<u32>(slot)
    store<u32>(slot, <u32>at)
    if (at - before <= window && load<u32>(before) === load<u32>(at)) {
      const repeatEnd = endOfRepeat(at + comparedBytes, before + comparedBytes, to)
      let start = at
      while (start > literals && before > input && load<u8>(start - 1) === load<u8>(before - 1)) {
        start--
        before--
      }
      const length = <u32>(repeatEnd - start)
      const reach = <u32>(start - before) - 1
      if (length >= worthwhileFromAfar || (length >= <u32>comparedBytes && reach < nearBytes)) {
        countBytes(literals, start)
        sequence = writeRepeat(sequence, <u32>(start - literals), length, reach)
        if (repeatEnd < last) {
          store<u32>(slotOf(at + 2), <u32>at + 2)
          store<u32>(slotOf(repeatEnd - 2), <u32>repeatEnd - 2)
        }
        at = repeatEnd
        literals = repeatEnd
        continue
      }
    }
    at += 1 + ((at - literals) >> patienceBits)
  }
  countBytes(literals, to)
  literalsAtEnd = <u32>(to - literals)
  sequencesEnd = sequence
}

function slotOf(at: usize): usize {
  const hash = ((load<u64>(at) << (64 - hashedBits)) * hashFactor) >> (64 - lastSeenBits)
  return lastSeen + ((<usize>hash) << 2)
}

function endOfRepeat(at: usize, before: usize, to: usize): usize {
  while (at < to) {
    const difference = load<u64>(at) ^ load<u64>(before)
    if (difference !== 0) {
      at += <usize>(ctz(difference) >> 3)
      break
    }
    at += 8
    before += 8
  }
  return at < to ? at : to
}

/** Writes a repeat of any length as one or more, none of which leaves less than the shortest. */
function writeRepeat(sequence: usize, literals: u32, length: u32, reach: u32): usize {
  const symbol = distanceSymbol(reach)
  while (length > 0) {
    let part = length
    if (length > maxRepeat) part = length - maxRepeat < minRepeat ? maxRepeat - minRepeat : maxRepeat
    store<u32>(sequence, literals)
    store<u32>(sequence, part | (reach << 16), 4)
    sequence += 8
    addTo(literalCounts, wordAt(lengthSymbols, part) & 0xffff, 1)
    addTo(distanceCounts, symbol, 1)
    literals = 0
    length -= part
  }
  return sequence
}

/** Neighbours count in different tables: adding to what was just added to makes the processor wait. */
function countBytes(from: usize, to: usize): void {
  let at = from
  for (; at + 4 <= to; at += 4) {
    const four = load<u32>(at)
    addTo(literalCounts, four & 255, 1)
    addTo(literalCounts + literalCountsStride, (four >> 8) & 255, 1)
    addTo(literalCounts + 2 * literalCountsStride, (four >> 16) & 255, 1)
    addTo(literalCounts + 3 * literalCountsStride, four >> 24, 1)
  }
  for (; at < to; at++) addTo(literalCounts, load<u8>(at), 1)
}
