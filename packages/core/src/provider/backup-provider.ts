import type { Finding } from '../api/verification.js'
import type { SecretReference } from '../config/secret.js'
import type { ErrorCode } from '../errors/error-code.js'
import type { EventListener } from '../events/backup-event.js'
import type { ByteSource } from '../streams/byte-source.js'

export interface ProviderCallOptions {
  readonly signal?: AbortSignal | undefined
}

/** Options of calls that follow something to its end. */
export interface FollowOptions extends ProviderCallOptions {
  /** How long to follow it; what is under way at the provider goes on after that. Default: the provider's. */
  readonly timeoutMs?: number | undefined
  /** Hears `provider.progressed` and `warning.raised`. */
  readonly onEvent?: EventListener | undefined
}

export interface FollowRecoveryOptions extends FollowOptions {
  /** Told the operation as it then is, whenever there is something that another process should know if this one dies. */
  readonly record?: ((operation: ProviderOperation) => Promise<void>) | undefined
}

/** A backup as a provider lists it. */
export interface ProviderBackup {
  /** The provider's own name for it, unique in the provider. */
  readonly id: string
  readonly kind: 'dump' | 'physical' | 'logical' | 'export' | 'restore-point'
  /** When it was made, RFC 3339 in UTC; null where the provider's word for it cannot be read. */
  readonly createdAt: string | null
  /** `complete` is the only one that can be restored; a word of the provider's that is not known is `unknown`. */
  readonly status: 'complete' | 'running' | 'failed' | 'gone' | 'unknown'
  /** The provider's own word. */
  readonly nativeStatus: string
  /** When the provider forgets it, RFC 3339; null where it does not say. */
  readonly expiresAt: string | null
  /** Null where the provider does not say. */
  readonly sizeBytes: number | null
  /** False for a complete one that {@link Restoring} refuses all the same, such as one that can only be downloaded. */
  readonly restorable?: boolean | undefined
}

/** The instants that a provider can go back to. */
export interface RecoveryWindow {
  /** `available`: both ends are set. `preparing`: later. `unavailable`: not with this plan or these settings. */
  readonly status: 'available' | 'preparing' | 'unavailable'
  /** RFC 3339, both ends included. */
  readonly earliest: string | null
  readonly latest: string | null
  /** What a reader should know, such as why there is none. */
  readonly notes: readonly string[]
}

/** What a recovery would do. A plain JSON value: it is shown, confirmed, written down, and then begun as it is. */
export interface RecoveryPlan {
  readonly provider: string
  /** Unique to this plan; a provider that names what it makes puts it into the name. */
  readonly id: string
  readonly kind: 'instant' | 'backup' | 'restore-point'
  /** The instant (RFC 3339), the backup's id or the restore point's name. */
  readonly to: string
  /** `in-place` replaces the live data. */
  readonly place: 'in-place' | 'new-instance'
  /** What it is done to, for people: `project abcdefghijklmnopqrst`. */
  readonly target: string
  /** What a person types to allow it. */
  readonly confirmation: string
  /** What it costs, in the provider's words; null where it costs nothing more. */
  readonly cost: string | null
  readonly warnings: readonly string[]
  /** What only the provider reads. */
  readonly details: Readonly<Record<string, string | number | boolean | null>>
}

/** A recovery that is under way at the provider and outlives this process. A plain JSON value. */
export interface ProviderOperation {
  readonly plan: RecoveryPlan
  /** RFC 3339. */
  readonly begunAt: string
  /** What only the provider reads, such as the id of the instance it made. */
  readonly details: Readonly<Record<string, string | number | boolean | null>>
}

/** A recovery that came to its good end. */
export interface Recovered {
  readonly operation: ProviderOperation
  readonly durationMs: number
  /** What is healthy, and what is not yet, in lines for people. */
  readonly notes: readonly string[]
  /** Where the new instance is (its id at the provider); null after a recovery in place. */
  readonly instance: string | null
}

/**
 * Recovers in three steps, so that a process that dies in between loses nothing and begins nothing twice:
 * `plan` decides and changes nothing; `begin` sends it, once, and never repeats it by itself; `follow` waits for its
 * end and may be called again by another process. {@link runRecovery} does all three with a journal.
 */
export interface Recovering {
  /** Sends what was planned. After an error of a code in {@link refusedCodes} nothing was begun. */
  begin(plan: RecoveryPlan, options?: ProviderCallOptions): Promise<ProviderOperation>
  /**
   * Looks for what a process began that died before it could say so. Undefined: nothing shows that it began, which is
   * no proof where the provider keeps no record.
   */
  rejoin(plan: RecoveryPlan, begunAt: Date, options?: ProviderCallOptions): Promise<ProviderOperation | undefined>
  /**
   * Waits for its end.
   * @throws `recovery-failed`, `recovery-uncertain`, `timed-out` (it goes on at the provider)
   */
  follow(operation: ProviderOperation, options?: FollowRecoveryOptions): Promise<Recovered>
}

/** Restores one of the listed backups with the provider's own means. */
export interface Restoring extends Recovering {
  /** @throws `backup-missing`, `provider-refused` for one that cannot be restored */
  plan(backup: string, options?: ProviderCallOptions): Promise<RecoveryPlan>
}

/** Goes back to an instant. */
export interface PointInTime extends Recovering {
  window(options?: ProviderCallOptions): Promise<RecoveryWindow>
  /**
   * With `rehearsal`, a provider that makes new instances marks what it will make as such: nothing else is ever removed.
   * @throws `outside-window`, before anything is sent
   */
  plan(at: Date, options?: ProviderCallOptions & { readonly rehearsal?: boolean | undefined }): Promise<RecoveryPlan>
}

/** Makes a backup now. */
export interface Creating {
  /** Resolves when it is complete and listed. */
  create(options?: FollowOptions & { readonly name?: string | undefined }): Promise<ProviderBackup>
}

/** The bytes of a backup, as the provider keeps them. */
export interface Opening {
  /** Throws `backup-missing` at the first read where there is none. */
  open(backup: string, options?: ProviderCallOptions): ByteSource
}

/** Forgets a backup. */
export interface Removing {
  /** One that is not there resolves. */
  remove(backup: string, options?: ProviderCallOptions): Promise<void>
}

/** Says what stands against relying on the provider now. */
export interface Checking {
  /** Findings are values; it throws only when it could not look. What is merely advice (a status page) never throws. */
  check(options?: ProviderCallOptions & CheckObjective): Promise<readonly Finding[]>
}

export interface CheckObjective {
  /** How old the data may be that the provider could give back. */
  readonly rpoMs?: number | undefined
}

/** A secret of the platform without which restored data cannot be read, and which no backup of a database holds. */
export interface Keeping {
  /** For people: `Vault root key`. */
  readonly what: string
  /** The secret as text. Never show it. */
  read(options?: ProviderCallOptions): Promise<string>
  /** Puts it into the place that was restored to; what that place had of its own is lost. */
  putBack(secret: string, options?: ProviderCallOptions): Promise<void>
}

/** A way into the database, with credentials that may be short-lived. */
export interface ProviderConnection {
  /** A `postgres://` address. */
  readonly url: SecretReference
  /** Which way it is, for people: `direct`, `session pooler`. */
  readonly way: string
  /** RFC 3339; null where the credentials do not end by themselves. */
  readonly expiresAt: string | null
  /** What was tried before, and why it was not taken. */
  readonly notes: readonly string[]
}

/** Where a configuration says that the database is; no password. */
export interface SourceAddress {
  readonly host: string
  readonly port: number
  readonly user: string
}

/** Gives a way into the database, so that no password has to be in the configuration. */
export interface Connecting {
  connect(options?: ProviderCallOptions & { readonly readOnly?: boolean | undefined }): Promise<ProviderConnection>
  /** Says which of the provider's ways a configured address is, and whether it serves. Findings are values. */
  judge?(address: SourceAddress, options?: ProviderCallOptions): Promise<readonly Finding[]>
}

/** When a provider makes its own backups. */
export interface BackupSchedule {
  /** `HH:MM:SS`, UTC, every day. */
  readonly timeOfDay: string
}

/** A moment that was given a name, to go back to. */
export interface RestorePoint {
  readonly name: string
  /** The provider's own word. */
  readonly status: string
  /** Whether one can go back to it. */
  readonly available: boolean
  /** RFC 3339; null where the provider does not say. */
  readonly completedAt: string | null
  /** What {@link Restoring.plan} takes to go back to it. */
  readonly backup: string
}

/** Names the present moment, so that one can go back to it: before a migration. They are in no listing. */
export interface RestorePoints {
  /** The one of that name, or the newest; undefined where there is none. */
  find(name?: string, options?: ProviderCallOptions): Promise<RestorePoint | undefined>
  /** Resolves when one can go back to it. @throws `config-invalid` for a name that the provider does not take */
  create(name: string, options?: FollowOptions): Promise<RestorePoint>
}

/** A service that writes to the database. */
export interface WritingService {
  readonly id: string
  readonly name: string
  /** `held`: paused by somebody or something else, which resuming would not undo. */
  readonly state: 'running' | 'paused' | 'held' | 'unknown'
}

/** Pauses and resumes the services that write. */
export interface Maintenance {
  services(options?: ProviderCallOptions): Promise<readonly WritingService[]>
  /** Resolves when it is paused; one that is paused already resolves. */
  pause(service: string, options?: FollowOptions): Promise<void>
  /** Resolves when it runs; one that runs already resolves. */
  resume(service: string, options?: FollowOptions): Promise<void>
}

/** What the provider promises for what it keeps: what a timeline needs besides the listings. */
export interface ProviderPromises {
  /** Whether its backups outlive the database (the project, the instance) being deleted. */
  readonly survivesDeletion: boolean
  /** Where the database is, in the words of the stores' regions; null where it is not known. */
  readonly region: string | null
  /** What one must hold to use it, for people. */
  readonly credential: string
  /** How long it takes, in the provider's words; absent where it does not say. */
  readonly expected: {
    readonly pointInTime?: string | undefined
    readonly backup?: string | undefined
    readonly export?: string | undefined
  }
}

/** What recoveries into a new instance made: reached, and removed again. */
export interface RecoveredInstances {
  /** The address of its database. @throws `provider-refused` where it cannot be reached from here */
  connect(operation: ProviderOperation, options?: ProviderCallOptions): Promise<SecretReference>
  /**
   * Removes what a rehearsal made; what is gone resolves. Anything else is refused, whatever the operation says: notes lie
   * in a store, where others may be able to write.
   * @throws `provider-refused`
   */
  discard(operation: ProviderOperation, options?: ProviderCallOptions): Promise<void>
}

/**
 * A place where backups of one product exist, and what can be done with them. Making one costs nothing: no network, no
 * secret read, before the first call. A power that a provider lacks is absent, never a function that does nothing.
 *
 * Required semantics, which the conformance suite in `@lifeboat/core/testing` holds every provider to:
 * - **complete listings**: `list` yields every backup once, or throws; order is not promised;
 * - **honest errors**: whatever a call throws, `classify` has a code for it, or it is an abort's reason;
 * - **honest absence**: opening or restoring what is not there is `backup-missing`; removing it resolves;
 * - **a call that is aborted beforehand** does nothing and throws the signal's reason;
 * - **no secret** in anything it returns or throws, but for what {@link Opening.open} yields.
 */
export interface BackupProvider {
  /** The kind of provider: `supabase`, `render`, `dumps`, `memory`. */
  readonly name: string
  /** Which one, for people: `project abcdefghijklmnopqrst`. Never holds a secret. */
  readonly location: string
  list(options?: ProviderCallOptions): AsyncIterable<ProviderBackup>
  /** The code a raw error of this provider deserves, or undefined for "I don't know". */
  classify(error: unknown): ErrorCode | undefined
  readonly creating?: Creating | undefined
  readonly opening?: Opening | undefined
  readonly restoring?: Restoring | undefined
  readonly pointInTime?: PointInTime | undefined
  readonly removing?: Removing | undefined
  readonly maintenance?: Maintenance | undefined
  /** For providers that recover into a new instance. */
  readonly recovered?: RecoveredInstances | undefined
  /** Default, where it is absent: nothing is promised. */
  promises?(options?: ProviderCallOptions): Promise<ProviderPromises>
  readonly checking?: Checking | undefined
  readonly connecting?: Connecting | undefined
  readonly keeping?: Keeping | undefined
  readonly restorePoints?: RestorePoints | undefined
  /** When it makes backups by itself; undefined where the plan has none. */
  schedule?(options?: ProviderCallOptions): Promise<BackupSchedule | undefined>
}
