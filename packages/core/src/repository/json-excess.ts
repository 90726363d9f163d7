/** What JSON unfolds to in memory goes by its members, not its bytes; and its readers go down its depth. */
const maxMembers = 3_000_000
const maxDepth = 32

const [quote, backslash, comma, bracket, brace] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b]

/** Why JSON from a store is not worth unfolding, found without unfolding it; undefined when it is. */
export function jsonExcess(bytes: Uint8Array, maxBytes: number): string | undefined {
  if (bytes.byteLength > maxBytes) return 'it is too large'
  let depth = 0
  let members = 0
  for (let at = 0, inText = false; at < bytes.byteLength; at++) {
    const byte = bytes[at]
    if (inText) {
      if (byte === backslash) at++
      else if (byte === quote) inText = false
    } else if (byte === quote) inText = true
    else if (byte === comma) members++
    else if (byte === brace || byte === bracket) {
      members++
      if (++depth > maxDepth) return 'it is nested too deep'
    } else if (byte === brace + 2 || byte === bracket + 2) depth--
  }
  return members > maxMembers ? 'it has too many members' : undefined
}
