/** A name or a message within a line or a cell of a table: nothing in it is markup. */
export function inline(text: string): string {
  return text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .replace(/[\\`*_<>|[\]]/g, '\\$&')
    .trim()
}

/** Text set as code: what people type, or see, to the letter. */
export function code(text: string): string {
  const one = text.replace(/[\p{Cc}\s]+/gu, ' ').trim()
  const fence = one.includes('`') ? '``' : '`'
  return `${fence}${one.startsWith('`') || one.endsWith('`') ? ` ${one} ` : one}${fence}`
}

/** Commands that can be copied as a whole. */
export function shell(lines: readonly string[]): string[] {
  return ['```sh', ...lines, '```']
}

export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)]
}

/** A word of a shell's command, whatever is in it. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
