import { writeBits, writeCode } from './bit-writer'
import {
  distanceLengths,
  joinedLengths,
  literalLengths,
  metaCodes,
  metaCounts,
  metaLengths,
  metaSequence,
} from './memory-map'
import { chooseLengths, numberCodes } from './prefix-codes'
import { distanceSymbols, endOfBlock, literalSymbols } from './symbols'
import { addTo, clearWords, setWord, wordAt } from './words'

// How a block says which codes it uses (RFC 1951, 3.2.7): lengths 0 to 15, and three symbols for runs of them.
const metaSymbols: u32 = 19
const repeatLast: u32 = 16
const fewZeros: u32 = 17
const manyZeros: u32 = 18
const longestMetaCode: u32 = 7

export function writeCodeLengths(): void {
  const literals = usedOf(literalLengths, literalSymbols, endOfBlock + 1)
  const distances = usedOf(distanceLengths, distanceSymbols, 1)
  memory.copy(joinedLengths, literalLengths, literals)
  memory.copy(joinedLengths + literals, distanceLengths, distances)
  clearWords(metaCounts, metaSymbols)
  const sequenceLength = gatherRuns(literals + distances)
  atLeastTwo(metaCounts)
  chooseLengths(metaCounts, metaSymbols, longestMetaCode, metaLengths)
  numberCodes(metaLengths, metaSymbols, metaCodes)

  let listed = metaSymbols
  while (listed > 4 && load<u8>(metaLengths + inListOrder(listed - 1)) === 0) listed--
  writeBits(literals - 257, 5)
  writeBits(distances - 1, 5)
  writeBits(listed - 4, 4)
  for (let i: u32 = 0; i < listed; i++) writeBits(load<u8>(metaLengths + inListOrder(i)), 3)
  for (let i: u32 = 0; i < sequenceLength; i++) {
    const entry = wordAt(metaSequence, i)
    const symbol = entry & 255
    writeCode(wordAt(metaCodes, symbol))
    if (symbol >= repeatLast) writeBits(entry >> 8, symbol === repeatLast ? 2 : symbol === fewZeros ? 3 : 7)
  }
}

/** Readers need two codes at least to make a whole of them. */
export function atLeastTwo(counts: usize): void {
  if (wordAt(counts, 0) === 0) setWord(counts, 0, 1)
  if (wordAt(counts, 1) === 0) setWord(counts, 1, 1)
}

function usedOf(lengths: usize, symbols: u32, atLeast: u32): u32 {
  let used = symbols
  while (used > atLeast && load<u8>(lengths + used - 1) === 0) used--
  return used
}

function gatherRuns(total: u32): u32 {
  let entries: u32 = 0
  let at: u32 = 0
  while (at < total) {
    const length = <u32>load<u8>(joinedLengths + at)
    let run: u32 = 1
    while (at + run < total && load<u8>(joinedLengths + at + run) === length) run++
    at += run
    if (length === 0) {
      while (run >= 11) {
        const part = run < 138 ? run : 138
        entries = writeEntry(entries, manyZeros, part - 11)
        run -= part
      }
      if (run >= 3) {
        entries = writeEntry(entries, fewZeros, run - 3)
        run = 0
      }
    } else {
      entries = writeEntry(entries, length, 0)
      run--
      while (run >= 3) {
        const part = run < 6 ? run : 6
        entries = writeEntry(entries, repeatLast, part - 3)
        run -= part
      }
    }
    while (run-- > 0) entries = writeEntry(entries, length, 0)
  }
  return entries
}

function writeEntry(at: u32, symbol: u32, rest: u32): u32 {
  setWord(metaSequence, at, symbol | (rest << 8))
  addTo(metaCounts, symbol, 1)
  return at + 1
}

/** 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15: the rare ones last. */
function inListOrder(place: u32): u32 {
  if (place < 3) return 16 + place
  if (place === 3) return 0
  const step = (place - 4) >> 1
  return (place & 1) === 0 ? 8 + step : 7 - step
}
