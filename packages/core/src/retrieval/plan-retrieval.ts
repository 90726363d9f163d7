import type { ArchiveState } from '../store/object-store.js'
import type { Retrieval } from './retrieve-backup.js'

/** What an object in an archive needs before it is read. */
export type RetrievalStep =
  /** Nothing: it can be read, and for long enough. */
  | 'read'
  /** To be asked for, and waited for. */
  | 'ask'
  /** To be waited for: it was asked for before. */
  | 'wait'
  /** It can be read, and its copy goes away soon: to be asked for again, which keeps the copy, and not waited for. */
  | 'renew'

/** A copy that is there for less than this is asked for again before the reading begins. */
const soonMs = 24 * 3_600_000

/**
 * What to do about an object whose store tells this of it. A retrieval under way is not asked for again, which would cost
 * a request for each every time that somebody comes back, but for the quickest one, which speeds it up.
 */
export function planRetrieval(archive: ArchiveState | undefined, { tier }: Retrieval, now: Date): RetrievalStep {
  switch (archive?.state) {
    case undefined:
      return 'read'
    case 'archived':
      return 'ask'
    case 'retrieving':
      return tier === 'expedited' ? 'ask' : 'wait'
    case 'readable': {
      const { until } = archive
      return until !== undefined && until.getTime() - now.getTime() < soonMs ? 'renew' : 'read'
    }
  }
}
