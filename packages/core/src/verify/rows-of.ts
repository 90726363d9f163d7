import type { Manifest } from '../repository/manifest.js'

/** Rows of a table, or of all leaves of a partitioned one as far as the snapshot counts name them. */
export function rowsOf(manifest: Manifest, configured: string): number | undefined {
  const dot = configured.indexOf('.')
  const schema = dot < 0 ? 'public' : configured.slice(0, dot)
  const name = configured.slice(dot + 1)
  const direct = manifest.tables?.find(table => table.schema === schema && table.name === name)
  if (direct) return direct.rows
  const leaves = manifest.partitions?.find(one => one.schema === schema && one.name === name)?.leaves
  if (!leaves) return undefined
  return leaves.reduce(
    (sum, leaf) =>
      sum + (manifest.tables?.find(table => table.schema === leaf.schema && table.name === leaf.name)?.rows ?? 0),
    0,
  )
}
