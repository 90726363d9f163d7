import type { ProviderBackup, ProviderPromises, RecoveryWindow } from '../provider/backup-provider.js'

/** The kinds of loss that a timeline answers for. */
export const lossNames = [
  'bad-migration',
  'table-dropped',
  'database-gone',
  'account-gone',
  'key-lost',
  'region-down',
] as const
export type LossName = (typeof lossNames)[number]

/** A backup of ours, as far as a timeline needs it. */
export interface StoredInstant {
  readonly id: string
  readonly createdAt: Date
  readonly kind: 'dump' | 'export'
  /** The highest level at which its newest record passed; `none` where there is none, or it failed. */
  readonly proof: 'none' | 'content' | 'restored'
}

/** A destination and what lies there. */
export interface TimelineDestination {
  readonly name: string
  readonly location: string
  /** Whether it goes when the provider's account or project goes. */
  readonly withProvider: boolean
  /** Null where it is not known. */
  readonly region: string | null
  readonly backups: readonly StoredInstant[]
  /** Why it could not be listed; null when it was. */
  readonly failure: string | null
  /** The newest restore of one of its dumps that was timed and passed. */
  readonly drill: { readonly at: Date; readonly recoveryMs: number } | null
  /** The same of its mirrored exports. */
  readonly exportDrill: { readonly at: Date; readonly recoveryMs: number } | null
}

/** The provider and what it says. */
export interface TimelineProvider {
  readonly name: string
  readonly location: string
  readonly place: 'in-place' | 'new-instance'
  /** Null where it has none, or could not be asked. */
  readonly window: RecoveryWindow | null
  readonly backups: readonly ProviderBackup[]
  readonly failures: readonly string[]
  readonly promises: ProviderPromises | null
}

/** Everything a timeline is made from: listings, configuration, records. Nothing else is looked at. */
export interface TimelineInput {
  readonly product: string
  readonly now: Date
  readonly rtoMs: number | null
  readonly rpoMs: number | null
  readonly provider: TimelineProvider | null
  readonly destinations: readonly TimelineDestination[]
  readonly keys: {
    /** What opens the backups, for people. */
    readonly credential: string
    /** How many other keys open them as well. */
    readonly others: number
  }
}

/** One way out of a loss. */
export interface Way {
  readonly source: 'point-in-time' | 'provider-backup' | 'provider-export' | 'dump' | 'export'
  /** `render, instance dpg-…`; `offsite, s3://…`. */
  readonly place: string
  /** Which instants: every one of a range, or so many single ones. */
  readonly instants: { readonly from: string; readonly to: string; readonly count: number | 'any' }
  /** The newest instant before the loss: what the command goes back to. RFC 3339. */
  readonly instant: string
  /** How much would be lost: from the instant to the loss. */
  readonly dataAgeMs: number
  /** The longest that this way had nothing newer, in the week before the loss. */
  readonly worstDataAgeMs: number
  /** Null where nobody knows. */
  readonly expectedMs: number | null
  /** Where the expected time is from, for people. */
  readonly expectedFrom: string
  readonly proof: 'none' | 'content' | 'restored' | 'provider'
  readonly credential: string
  readonly command: string
  readonly notes: readonly string[]
}

/** A loss and the ways out of it, the one that loses least first. */
export interface LossAnswer {
  readonly loss: LossName
  readonly title: string
  /** When it is supposed to have happened. RFC 3339. */
  readonly at: string
  readonly ways: readonly Way[]
  /** What is lost together with the data, and why. */
  readonly lost: readonly { readonly place: string; readonly why: string }[]
  /** Of the best way; null where there is none. */
  readonly dataAgeMs: number | null
  readonly worstDataAgeMs: number | null
  readonly expectedMs: number | null
  /** Null where there is no objective, or nothing known to compare with it. */
  readonly meetsRpo: boolean | null
  readonly meetsRto: boolean | null
}

/** For each kind of loss what could be recovered now. */
export interface Timeline {
  readonly product: string
  readonly at: string
  readonly rpoMs: number | null
  readonly rtoMs: number | null
  readonly losses: readonly LossAnswer[]
  /** What could not be listed, and so is missing above. */
  readonly unanswered: readonly { readonly place: string; readonly message: string }[]
}
