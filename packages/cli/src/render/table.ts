/** A column of a {@link renderTable}. */
export interface Column<Row> {
  readonly title: string
  readonly align?: 'left' | 'right'
  cell(row: Row): string
}

/** Lines of a table whose columns are as wide as their widest cell; `paintTitle` colours the first line. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  paintTitle: (text: string) => string = text => text,
): string[] {
  const cells = rows.map(row => columns.map(column => column.cell(row)))
  const widths = columns.map((column, at) => Math.max(column.title.length, ...cells.map(line => line[at]!.length)))
  const join = (line: readonly string[]) =>
    line
      .map((text, at) => (columns[at]!.align === 'right' ? text.padStart(widths[at]!) : text.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd()
  return [paintTitle(join(columns.map(column => column.title))), ...cells.map(join)]
}

/** Lines of `name  value`, the values below each other. */
export function renderFields(fields: readonly (readonly [string, string])[], indent = ''): string[] {
  const width = Math.max(0, ...fields.map(([name]) => name.length))
  return fields.map(([name, value]) => `${indent}${name.padEnd(width)}  ${value}`.trimEnd())
}
