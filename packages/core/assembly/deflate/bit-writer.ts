import { output } from './memory-map'

/** Where the next whole byte goes, and fewer than eight bits that wait for the rest of theirs. */
export let place: usize = output
export let waiting: u64 = 0
export let waitingBits: u64 = 0

export function rewind(): void {
  resume(output, 0, 0)
}

/** For loops that keep the three in variables of their own. */
export function resume(at: usize, bits: u64, count: u64): void {
  place = at
  waiting = bits
  waitingBits = count
}

/** At most 56 bits. */
export function writeBits(value: u64, count: u64): void {
  waiting |= value << waitingBits
  waitingBits += count
  store<u64>(place, waiting)
  place += <usize>(waitingBits >> 3)
  waiting >>= waitingBits & 56
  waitingBits &= 7
}

/** @param code with its length from bit 16 up */
export function writeCode(code: u32): void {
  writeBits(code & 0xffff, code >> 16)
}

export function fillByte(): void {
  if (waitingBits > 0) writeBits(0, 8 - waitingBits)
}

/** Behind a whole byte. */
export function writeBytes(from: usize, count: usize): void {
  memory.copy(place, from, count)
  place += count
}
