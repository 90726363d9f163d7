/** Tables of u32 in memory. */

export function wordAt(table: usize, index: u32): u32 {
  return load<u32>(table + ((<usize>index) << 2))
}

export function setWord(table: usize, index: u32, value: u32): void {
  store<u32>(table + ((<usize>index) << 2), value)
}

export function addTo(table: usize, index: u32, more: u32): void {
  const at = table + ((<usize>index) << 2)
  store<u32>(at, load<u32>(at) + more)
}

export function clearWords(table: usize, count: u32): void {
  memory.fill(table, 0, (<usize>count) << 2)
}
