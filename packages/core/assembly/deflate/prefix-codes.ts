import { byCount, depths, nextCodes, perLength } from './memory-map'
import { addTo, clearWords, setWord, wordAt } from './words'

/**
 * Gives each symbol that comes at all a code length, in a byte each at `lengths`; 0 for the others. Optimal, unless a
 * code would be longer than `longest`: then nearly so. At least two symbols must come.
 */
export function chooseLengths(counts: usize, symbols: u32, longest: u32, lengths: usize): void {
  const used = sortByCount(counts, symbols)
  memory.fill(lengths, 0, symbols)
  measureDepths(used)
  clearWords(perLength, 32)
  for (let i: u32 = 0; i < used; i++) {
    const depth = wordAt(depths, i)
    addTo(perLength, depth < longest ? depth : longest, 1)
  }
  shortenTo(longest)
  // The rarest come first in the order, and get the longest codes.
  let next: u32 = 0
  for (let length = longest; length > 0; length--) {
    for (let left = wordAt(perLength, length); left > 0; left--) {
      store<u8>(lengths + <usize>(wordAt(byCount, next) & 511), <u8>length)
      next++
    }
  }
}

/** Shell sort of (count, symbol), which makes the order one and the same wherever it runs. */
function sortByCount(counts: usize, symbols: u32): u32 {
  let used: u32 = 0
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count = wordAt(counts, symbol)
    if (count > 0) setWord(byCount, used++, (count << 9) | symbol)
  }
  let gap: u32 = 1
  while (gap < used) gap = gap * 3 + 1
  for (gap /= 3; gap > 0; gap /= 3) {
    for (let i = gap; i < used; i++) {
      const one = wordAt(byCount, i)
      let place = i
      while (place >= gap && wordAt(byCount, place - gap) > one) {
        setWord(byCount, place, wordAt(byCount, place - gap))
        place -= gap
      }
      setWord(byCount, place, one)
    }
  }
  return used
}

/**
 * The depth of each leaf of the Huffman tree, from the sorted counts, in place.
 * A. Moffat, J. Katajainen: In-place calculation of minimum-redundancy codes (WADS 1995).
 */
function measureDepths(leaves: u32): void {
  for (let i: u32 = 0; i < leaves; i++) setWord(depths, i, wordAt(byCount, i) >> 9)
  // First a parent for each inner node, whose weights take the place of the leaves' behind them.
  let leaf: u32 = 0
  let inner: u32 = 0
  for (let next: u32 = 0; next < leaves - 1; next++) {
    let weight: u32 = 0
    for (let child = 0; child < 2; child++) {
      if (leaf >= leaves || (inner < next && wordAt(depths, inner) < wordAt(depths, leaf))) {
        weight += wordAt(depths, inner)
        setWord(depths, inner++, next)
      } else weight += wordAt(depths, leaf++)
    }
    setWord(depths, next, weight)
  }
  // Then the depth of each inner node, from the root down.
  setWord(depths, leaves - 2, 0)
  for (let node: i32 = <i32>leaves - 3; node >= 0; node--) {
    setWord(depths, node, wordAt(depths, wordAt(depths, node)) + 1)
  }
  // Then of each leaf: what a level has room for, and no inner node takes.
  let room: u32 = 1
  let depth: u32 = 0
  let node: i32 = <i32>leaves - 2
  let place: i32 = <i32>leaves - 1
  while (room > 0) {
    let taken: u32 = 0
    while (node >= 0 && wordAt(depths, node) === depth) {
      taken++
      node--
    }
    while (room > taken) {
      setWord(depths, place--, depth)
      room--
    }
    room = taken << 1
    depth++
  }
}

/** Codes that were cut to `longest` claim too much: others get longer until they fit (Kraft's sum is one again). */
function shortenTo(longest: u32): void {
  let claimed: u32 = 0
  for (let length: u32 = 1; length <= longest; length++) claimed += wordAt(perLength, length) << (longest - length)
  for (; claimed > (<u32>1) << longest; claimed--) {
    let length = longest - 1
    while (wordAt(perLength, length) === 0) length--
    // One code of that length becomes the start of two longer ones, of which one is for a code of the longest.
    addTo(perLength, length, -1)
    addTo(perLength, length + 1, 2)
    addTo(perLength, longest, -1)
  }
}

/** The codes of RFC 1951, 3.2.2, their first bit lowest, with their lengths from bit 16 up. */
export function numberCodes(lengths: usize, symbols: u32, codes: usize): void {
  clearWords(perLength, 16)
  for (let symbol: u32 = 0; symbol < symbols; symbol++) addTo(perLength, load<u8>(lengths + symbol), 1)
  setWord(perLength, 0, 0)
  let code: u32 = 0
  for (let length: u32 = 1; length < 16; length++) {
    code = (code + wordAt(perLength, length - 1)) << 1
    setWord(nextCodes, length, code)
  }
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const length = <u32>load<u8>(lengths + symbol)
    let one: u32 = 0
    if (length > 0) {
      one = reversed(wordAt(nextCodes, length), length) | (length << 16)
      addTo(nextCodes, length, 1)
    }
    setWord(codes, symbol, one)
  }
}

function reversed(code: u32, length: u32): u32 {
  let result: u32 = 0
  for (let bit: u32 = 0; bit < length; bit++) result |= ((code >> bit) & 1) << (length - 1 - bit)
  return result
}
