import type { DestinationStatus, LastProof, ProductStatus, State, StatusFinding } from '../api/status.js'
import type { ProductConfig } from '../config/config-schema.js'
import type { KeyFinding } from '../keys/key-state.js'
import type { ProofRecord } from '../repository/record-schema.js'
import { type AddFinding, judgeDestinations } from './judge-destinations.js'
import { judgeObjectives } from './judge-objectives.js'
import { describeObjects, judgeObjects } from './judge-objects.js'
import { judgeSchedule, nextRunOf } from './judge-schedule.js'
import type { DestinationFacts } from './read-destination.js'
import type { DueTimes } from './remembered-due-times.js'

/** What a product's status is judged from. */
export interface ProductFacts {
  readonly product: string
  readonly config: ProductConfig
  readonly destinations: readonly DestinationFacts[]
  /** Why seals of records could not be checked; null where they could, or none had to be. */
  readonly keysFailure: string | null
  readonly keyFindings: readonly KeyFinding[]
  readonly now: Date
  readonly due: DueTimes
}

const gravestFirst: Readonly<Record<StatusFinding['severity'], number>> = { critical: 0, warning: 1, info: 2 }

/** What the facts come to: pure. */
export function judgeProduct(facts: ProductFacts): ProductStatus {
  const { product, config, destinations, now } = facts
  const findings: StatusFinding[] = []
  const add: AddFinding = (severity, code, subject, message, rest = {}) =>
    findings.push({ product, severity, code, subject, message, hint: rest.hint ?? null, since: rest.since ?? null })
  judgeDestinations(facts, add)
  judgeSchedule(facts, add)
  judgeObjectives(facts, add)
  judgeObjects(facts, add)
  findings.push(...facts.keyFindings.map(finding => ({ ...finding, product })))
  findings.sort((a, b) => gravestFirst[a.severity] - gravestFirst[b.severity])
  return {
    product,
    state: worstOf(findings),
    destinations: destinations.map(one => describe(one, now)),
    lastVerification: newestOf(destinations.map(one => one.verification)),
    lastDrill: newestOf(destinations.map(one => one.drill)),
    nextRun: nextRunOf(config.schedule, now, facts.due),
    objects: describeObjects(facts),
    findings,
  }
}

/** The state of several findings: information is none. */
export function worstOf(findings: readonly { readonly severity: StatusFinding['severity'] }[]): State {
  if (findings.some(({ severity }) => severity === 'critical')) return 'critical'
  return findings.some(({ severity }) => severity === 'warning') ? 'warning' : 'ok'
}

function describe(facts: DestinationFacts, now: Date): DestinationStatus {
  const { destination, location, failure, backups, newest, ofNewest } = facts
  return {
    ...{ destination, location, reachable: failure === null, backups },
    newest: newest && {
      ...{ id: newest.id, createdAt: newest.createdAt, storedBytes: newest.storedBytes, rows: newest.rows },
      ageMs: Math.max(0, now.getTime() - Date.parse(newest.createdAt)),
      durationMs: newest.durationMs,
      verified: ofNewest?.ok ?? null,
    },
  }
}

function newestOf(records: readonly (ProofRecord | null)[]): LastProof | null {
  const found = records.filter(record => record !== null).sort((a, b) => b.at.localeCompare(a.at))[0]
  if (found === undefined) return null
  const { id, destination, at, ok, level } = found
  return { id, destination, at, ok, level }
}
