import { place, resume, waiting, waitingBits, writeBits, writeCode } from './bit-writer'
import { atLeastTwo, writeCodeLengths } from './code-lengths'
import {
  distanceCodes,
  distanceCounts,
  distanceLengths,
  lengthCodes,
  lengthSymbols,
  literalCodes,
  literalCounts,
  literalCountsStride,
  literalLengths,
  sequences,
} from './memory-map'
import { chooseLengths, numberCodes } from './prefix-codes'
import { literalsAtEnd, sequencesEnd } from './repeats'
import {
  distanceSymbol,
  distanceSymbols,
  endOfBlock,
  extraBitsOfDistance,
  extraBitsOfLiteral,
  literalSymbols,
  maxRepeat,
  minRepeat,
} from './symbols'
import { addTo, clearWords, setWord, wordAt } from './words'

/** Deflate allows 15; with 12 four literals, or a length with a distance, fit what is written at once. */
const longestCode: u32 = 12
/** What the list of code lengths may take at most, roughly. */
const listBits: u64 = 1_200

export function forgetCounts(): void {
  clearWords(literalCounts, <u32>literalCountsStride)
  clearWords(distanceCounts, distanceSymbols)
}

/** Makes codes for what `findRepeats` counted. @returns about how many bits the block takes with them */
export function chooseCodes(): u64 {
  for (let byte: u32 = 0; byte < 256; byte++) {
    for (let table: usize = 1; table < 4; table++) {
      addTo(literalCounts, byte, wordAt(literalCounts + table * literalCountsStride, byte))
    }
  }
  setWord(literalCounts, endOfBlock, 1)
  atLeastTwo(distanceCounts)
  atLeastTwo(literalCounts)
  chooseLengths(literalCounts, literalSymbols, longestCode, literalLengths)
  chooseLengths(distanceCounts, distanceSymbols, longestCode, distanceLengths)
  let bits = listBits
  for (let symbol: u32 = 0; symbol < literalSymbols; symbol++) {
    const each = <u32>load<u8>(literalLengths + symbol) + extraBitsOfLiteral(symbol)
    bits += <u64>each * wordAt(literalCounts, symbol)
  }
  for (let symbol: u32 = 0; symbol < distanceSymbols; symbol++) {
    const each = <u32>load<u8>(distanceLengths + symbol) + extraBitsOfDistance(symbol)
    bits += <u64>each * wordAt(distanceCounts, symbol)
  }
  return bits
}

/** Writes the block that lies at `from` with the codes chosen (RFC 1951, 3.2.7). */
export function writeCoded(from: usize, isLast: bool): void {
  numberCodes(literalLengths, literalSymbols, literalCodes)
  numberCodes(distanceLengths, distanceSymbols, distanceCodes)
  for (let length = minRepeat; length <= maxRepeat; length++) {
    const entry = wordAt(lengthSymbols, length)
    const code = wordAt(literalCodes, entry & 0xffff)
    const bits = code >> 16
    const extraBits = (entry >> 16) & 255
    setWord(lengthCodes, length, (code & 0xffff) | ((entry >> 24) << bits) | ((bits + extraBits) << 24))
  }
  writeBits(isLast ? 5 : 4, 3)
  writeCodeLengths()
  writeSequences(from)
  writeCode(wordAt(literalCodes, endOfBlock))
}

function writeSequences(from: usize): void {
  let at = from
  let to = place
  let bits = waiting
  let count = waitingBits
  for (let sequence = sequences; ; sequence += 8) {
    const atEnd = sequence === sequencesEnd
    const end = at + (atEnd ? literalsAtEnd : load<u32>(sequence))
    for (; at + 4 <= end; at += 4) {
      const four = load<u32>(at)
      const first = wordAt(literalCodes, four & 255)
      bits |= (<u64>(first & 0xffff)) << count
      count += <u64>(first >> 16)
      const second = wordAt(literalCodes, (four >> 8) & 255)
      bits |= (<u64>(second & 0xffff)) << count
      count += <u64>(second >> 16)
      const third = wordAt(literalCodes, (four >> 16) & 255)
      bits |= (<u64>(third & 0xffff)) << count
      count += <u64>(third >> 16)
      const fourth = wordAt(literalCodes, four >> 24)
      bits |= (<u64>(fourth & 0xffff)) << count
      count += <u64>(fourth >> 16)
      store<u64>(to, bits)
      to += <usize>(count >> 3)
      bits >>= count & 56
      count &= 7
    }
    for (; at < end; at++) {
      const code = wordAt(literalCodes, load<u8>(at))
      bits |= (<u64>(code & 0xffff)) << count
      count += <u64>(code >> 16)
    }
    // At most three codes of twelve bits wait here, with seven bits before them.
    store<u64>(to, bits)
    to += <usize>(count >> 3)
    bits >>= count & 56
    count &= 7
    if (atEnd) break

    const repeat = load<u32>(sequence, 4)
    const length = repeat & 0xffff
    const lengthCode = wordAt(lengthCodes, length)
    bits |= (<u64>(lengthCode & 0xff_ffff)) << count
    count += <u64>(lengthCode >> 24)
    const reach = repeat >> 16
    const symbol = distanceSymbol(reach)
    const distanceCode = wordAt(distanceCodes, symbol)
    bits |= (<u64>(distanceCode & 0xffff)) << count
    count += <u64>(distanceCode >> 16)
    const extraBits = extraBitsOfDistance(symbol)
    bits |= (<u64>(reach & ((1 << extraBits) - 1))) << count
    count += <u64>extraBits
    store<u64>(to, bits)
    to += <usize>(count >> 3)
    bits >>= count & 56
    count &= 7
    at += length
  }
  resume(to, bits, count)
}
