import type { ObjectSetStatus } from '../api/status.js'
import type { Finding } from '../api/verification.js'
import type { RestoreEstimate } from '../drill/estimate-restore.js'

/** How far back a report looks. */
export const reportedMs = 90 * 86_400_000

/** A product's state, or that of all of them: `bad` when something is lost or unproven, `attention` when it may become so. */
export type Verdict = 'good' | 'attention' | 'bad'

/** An objective against what was measured. */
export interface ObjectiveState {
  readonly objectiveMs: number | null
  readonly measuredMs: number | null
  /** `unknown`: nothing was measured. `none`: no objective is configured. */
  readonly state: 'met' | 'missed' | 'unknown' | 'none'
}

export interface DestinationState {
  readonly name: string
  readonly location: string | null
  readonly backups: number
  readonly newest: {
    readonly id: string
    readonly createdAt: string
    readonly ageMs: number
    readonly storedBytes: number
    readonly tables: number | null
    readonly rows: number | null
    readonly sealed: boolean
  } | null
  /** The newest verification or drill of that backup; null: it was never read back. */
  readonly proof: { readonly level: string; readonly at: string; readonly ok: boolean } | null
}

/** One backup in the trend. */
export interface TrendPoint {
  readonly id: string
  readonly at: string
  readonly storedBytes: number
  readonly rows: number | null
  readonly durationMs: number
  /** By its newest record in any destination: proven, found bad, or not looked at. */
  readonly proven: boolean | null
}

export interface ReportedDrill {
  readonly id: string
  readonly destination: string
  readonly startedAt: string
  readonly ok: boolean
  readonly totalMs: number
  readonly recoveryMs: number
  readonly rtoMs: number | null
  readonly rtoMet: boolean | null
  readonly steps: readonly { readonly step: string; readonly startedAfterMs: number; readonly durationMs: number }[]
  /** In one sentence what was compared; null where the drill did not come so far. */
  readonly proof: string | null
}

export interface ReportFinding extends Finding {
  /** What found it, and when. */
  readonly source: string
  readonly at: string
}

export interface ProductReport {
  readonly name: string
  readonly verdict: Verdict
  /** The most important thing to know, as one sentence. */
  readonly headline: string
  readonly rpo: ObjectiveState & {
    /** Between two backups in a row, or until now. */
    readonly longestGapMs: number | null
  }
  readonly rto: ObjectiveState & {
    readonly drilledAt: string | null
    readonly recoveryMs: number | null
    /** At the size of the newest backup's source, from past drills; null: none came through. */
    readonly estimate: RestoreEstimate | null
  }
  readonly destinations: readonly DestinationState[]
  /** Oldest first. */
  readonly trend: readonly TrendPoint[]
  /** Every drill, oldest first. */
  readonly drillTrend: readonly { readonly at: string; readonly totalMs: number; readonly ok: boolean }[]
  /** The newest ones, newest first. */
  readonly drills: readonly ReportedDrill[]
  /** Its sets of copied objects, as a status tells of them. */
  readonly objects: readonly ObjectSetStatus[]
  /** Gravest first. */
  readonly findings: readonly ReportFinding[]
  /** What a restore of its backups would not bring back. */
  readonly notIncluded: readonly { readonly what: string; readonly why: string }[]
}

/** What a report says, before it looks like anything. */
export interface ReportModel {
  readonly generatedAt: string
  readonly tool: string
  readonly since: string
  readonly verdict: Verdict
  readonly products: readonly ProductReport[]
}
