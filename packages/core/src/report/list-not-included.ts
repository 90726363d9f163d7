import type { ProductFacts } from './compose-report.js'
import { listMissing } from './list-included.js'
import type { ProductReport } from './report-model.js'

/** What a restore of a product's backups would not bring back: by configuration, by nature, and by its last drill. */
export function listNotIncluded({ config, backups, drills }: ProductFacts): ProductReport['notIncluded'] {
  const leftOut = drills[0]?.leftOut ?? []
  return [
    ...listMissing(backups[0]?.manifest, config),
    ...leftOut.map(({ entry, reason }) => ({ what: entry, why: `left out of the last drill: ${reason}` })),
  ]
}
