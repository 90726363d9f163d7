import { lengthSymbols } from './memory-map'
import { setWord } from './words'

// The alphabets of RFC 1951, 3.2.5.

/** Bytes 0 to 255, the end of a block, and 29 classes of lengths. */
export const literalSymbols: u32 = 286
export const endOfBlock: u32 = 256
export const distanceSymbols: u32 = 30
export const minRepeat: u32 = 3
export const maxRepeat: u32 = 258

/** Writes down the symbol of each length, once. */
export function layOutLengths(): void {
  for (let length = minRepeat; length < maxRepeat; length++) {
    const rest = length - minRepeat
    let symbol = 257 + rest
    let extraBits: u32 = 0
    if (rest >= 8) {
      const top = 31 - clz(rest)
      extraBits = top - 2
      symbol = 253 + (top << 2) + ((rest >> extraBits) & 3)
    }
    setWord(lengthSymbols, length, symbol | (extraBits << 16) | ((rest & ((1 << extraBits) - 1)) << 24))
  }
  setWord(lengthSymbols, maxRepeat, 285)
}

export function extraBitsOfLiteral(symbol: u32): u32 {
  return symbol >= 265 && symbol < 285 ? (symbol - 261) >> 2 : 0
}

/** @param reach a distance less one */
export function distanceSymbol(reach: u32): u32 {
  if (reach < 4) return reach
  const top = 31 - clz(reach)
  return (top << 1) + ((reach >> (top - 1)) & 1)
}

export function extraBitsOfDistance(symbol: u32): u32 {
  return symbol < 4 ? 0 : (symbol >> 1) - 1
}
