// Where everything lies in the module's memory, of 52 pages (../build.mjs). All of it is set out here by hand: nothing
// is ever allocated.

/** The most that one call takes: 1 MiB. */
export const maxInputBytes: u32 = 0x10_0000
/** Of the input, what gets prefix codes of its own: 128 KiB. */
export const blockBytes: u32 = 0x2_0000

/** Where each of 2^14 hashes was last seen: addresses in the input, 0 for nowhere. */
export const lastSeenBits: u32 = 14
export const lastSeen: usize = 0x1_0000

/** The block as (literals before a repeat: u32, its length: u16, its distance less one: u16), at most one for each 4 bytes. */
export const sequences: usize = 0x2_0000

/** How often each symbol comes: four tables side by side for bytes, of which the first is that of lengths and the end, too. */
export const literalCounts: usize = 0x6_0000
export const literalCountsStride: usize = 0x800
export const distanceCounts: usize = 0x6_2000

/** Lengths of the codes of literals and lengths, of distances, and of the lengths themselves: a byte each. */
export const literalLengths: usize = 0x6_3000
export const distanceLengths: usize = 0x6_3200
export const metaLengths: usize = 0x6_3300

/** Codes, last bit first, with their lengths from bit 16 up: a u32 for each symbol. */
export const literalCodes: usize = 0x6_4000
export const distanceCodes: usize = 0x6_5000
export const metaCodes: usize = 0x6_5100

/** For each length of a repeat, its symbol (16 bits), how many extra bits (8) and their value (8). */
export const lengthSymbols: usize = 0x6_6000
/** For each length of a repeat, its code with the extra bits behind it, and from bit 24 up how many bits that is. */
export const lengthCodes: usize = 0x6_7000

/** The code lengths as they are written: symbol (8 bits), and what a repeating one repeats. */
export const metaSequence: usize = 0x6_8000
export const metaCounts: usize = 0x6_9000
export const joinedLengths: usize = 0x6_9100

/** For the making of codes. */
export const byCount: usize = 0x6_a000
export const depths: usize = 0x6_b000
export const perLength: usize = 0x6_c000
export const nextCodes: usize = 0x6_c100

export const input: usize = 0x10_0000
/** Its longest content is the input, stored, with five bytes for each 64 KiB; some words behind it are written ahead. */
export const output: usize = 0x21_0000
