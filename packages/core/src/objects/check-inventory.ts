import type { Finding } from '../api/verification.js'
import { isBackupError } from '../errors/backup-error.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { critical } from '../verify/finding.js'
import type { ContentLengths } from './content-lengths.js'
import { contentKey, listingKey } from './object-layout.js'
import type { Snapshot, SnapshotPlace } from './snapshot.js'
import { readInventory } from './snapshot-files.js'

const mostNamed = 20
const elsewhere =
  'use another snapshot or destination; the next `lifeboat objects backup --full` stores everything anew'

/** Whether everything that a snapshot needs is there, with its length. Needs no key. */
export async function checkInventory(
  place: SnapshotPlace,
  snapshot: Snapshot,
  lengths: ContentLengths,
  signal: AbortSignal | undefined,
): Promise<Finding[]> {
  const { store, product, set } = place
  const findings: Finding[] = []
  const key = listingKey(product, set, snapshot.id)
  const listing = await store.head(key, { signal }).catch((error: unknown) => {
    throw wrapStoreError(error, { store, doing: `look at ${key}`, signal })
  })
  if (listing?.sizeBytes !== snapshot.listing.storedBytes)
    findings.push(wrong(key, listing?.sizeBytes, snapshot.listing.storedBytes))
  let bad = 0
  try {
    for await (const { run, number, storedBytes } of readInventory(place, snapshot, signal)) {
      const found = lengths.of(run, number)
      if (found === storedBytes) continue
      bad += 1
      if (bad <= mostNamed) findings.push(wrong(contentKey(product, set, run, number), found, storedBytes))
    }
  } catch (error) {
    if (!isBackupError(error, 'object-damaged') && !isBackupError(error, 'object-missing')) throw error
    findings.push(critical('inventory-damaged', error.message, elsewhere))
  }
  if (bad > mostNamed) findings.push(critical('content-missing', `and ${bad - mostNamed} more`, elsewhere))
  return findings
}

function wrong(key: string, found: number | undefined, expected: number): Finding {
  if (found === undefined) return critical('content-missing', `${key} is not there`, elsewhere)
  return critical('content-length', `${key} has ${found} bytes where the snapshot says ${expected}`, elsewhere)
}
