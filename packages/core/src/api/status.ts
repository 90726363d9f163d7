import type { RunOptions } from './run-options.js'
import type { Finding } from './verification.js'

/** How a product, or everything, is: as its worst finding. */
export type State = 'ok' | 'warning' | 'critical'

/**
 * One thing that is not as it should be. Product, code and subject together stay the same while it lasts, so that it is
 * known again the next time somebody looks.
 */
export interface StatusFinding extends Finding {
  readonly product: string
  /** What of the product: a destination's name, a job of the schedule, a key, an alert channel. Null: the product itself. */
  readonly subject: string | null
  /** Since when, RFC 3339, where the store tells. */
  readonly since: string | null
}

/** What a listing says of one destination. */
export interface DestinationStatus {
  readonly destination: string
  readonly location: string
  /** Whether it could be listed. */
  readonly reachable: boolean
  /** Complete backups in it. */
  readonly backups: number
  readonly newest: {
    readonly id: string
    readonly createdAt: string
    readonly ageMs: number
    readonly storedBytes: number
    /** Of all tables; null where the archive is of an unknown version. */
    readonly rows: number | null
    /** How long the run took that made it. */
    readonly durationMs: number
    /** Whether its newest verification or drill read all of it and passed; null: it was not read back yet. */
    readonly verified: boolean | null
  } | null
}

/** When something was done last, and what came of it. */
export interface LastProof {
  readonly id: string
  readonly destination: string
  readonly at: string
  readonly ok: boolean
  readonly level: string
}

/** How one set of objects is in one destination. */
export interface ObjectsDestinationStatus {
  readonly destination: string
  readonly location: string
  /** Whether it could be listed. */
  readonly reachable: boolean
  readonly snapshots: number
  readonly newest: {
    readonly id: string
    readonly createdAt: string
    readonly ageMs: number
    readonly objects: number
    readonly plainBytes: number
    /** Of all content that it needs. */
    readonly storedBytes: number
    /** What its run stored. */
    readonly addedBytes: number
    /** Objects that could not be read when it was made. */
    readonly missed: number
    readonly durationMs: number
    /** Whether its newest verification of content passed; null: there was none. */
    readonly verified: boolean | null
  } | null
  /** Of any snapshot, at any level. `sample`: which share was read. */
  readonly lastVerification: (LastProof & { readonly sample: number }) | null
}

/** How the copies of a set of objects are. */
export interface ObjectSetStatus {
  readonly set: string
  readonly source: string
  /** How old the newest snapshot may be; null: nobody said. */
  readonly rpoMs: number | null
  readonly destinations: readonly ObjectsDestinationStatus[]
  /** The next time that a job of it is due, RFC 3339. Null: there is no schedule. */
  readonly nextRun: { readonly job: string; readonly at: string } | null
}

export interface ProductStatus {
  readonly product: string
  readonly state: State
  readonly destinations: readonly DestinationStatus[]
  readonly lastVerification: LastProof | null
  readonly lastDrill: LastProof | null
  /** The next time that a job is due, RFC 3339. Null: there is no schedule. */
  readonly nextRun: { readonly job: string; readonly at: string } | null
  /** Its sets of objects, in configured order. Findings name them as `uploads`, or `uploads offsite` in a destination. */
  readonly objects: readonly ObjectSetStatus[]
  readonly findings: readonly StatusFinding[]
}

/** What the stores and the clock say of every product; nothing has to have run for it. */
export interface StatusReport {
  /** Of this shape. */
  readonly version: 1
  readonly checkedAt: string
  readonly state: State
  readonly products: readonly ProductStatus[]
}

export interface StatusOptions extends RunOptions {
  /** Default: all. */
  readonly products?: readonly string[] | undefined
  /** How long one destination of a product may take to answer, in ms; then it is unreachable. Default: 10,000. */
  readonly destinationTimeoutMs?: number | undefined
  /** How long everything may take, in ms; what did not answer by then is unreachable. Default: 30,000. */
  readonly timeoutMs?: number | undefined
  /**
   * Whether keys are judged, too: expired, or not shown to open a backup of late. That reads every record of a product, and
   * is remembered for six hours. Default: false.
   */
  readonly keys?: boolean | undefined
}

/** What tells how things are, without anybody having run. */
export interface StatusOperations {
  /**
   * How every product is, by what lies in its stores and by the clock. Only listings, the newest manifests and the newest
   * records are read, so a place that may only read can watch. What was read once is remembered: a second call reads what
   * is new. A destination that does not answer is a finding; this never rejects because of one.
   */
  status(options?: StatusOptions): Promise<StatusReport>
}
