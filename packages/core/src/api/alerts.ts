import type { RunOutcome, RunStart } from '../notify/run-outcome.js'
import type { ObjectStore } from '../store/object-store.js'
import type { RunOptions } from './run-options.js'

/** What became of one message to one channel, or of one ping. */
export interface AlertDelivery {
  /** Which products it spoke of. */
  readonly products: readonly string[]
  /** The channel's name, or `ping JOB`. */
  readonly channel: string
  readonly kind: 'slack' | 'email' | 'webhook' | 'ping'
  /** The first line of what was sent. */
  readonly title: string
  readonly ok: boolean
  /** What came back, for people: `250 accepted`, or why it was not sent. Never an address or a password. */
  readonly message: string
  readonly hint: string | null
}

/** What was sent, and what stood in the way. */
export interface AlertReport {
  readonly deliveries: readonly AlertDelivery[]
  /** Such as a memory that could not be kept: what was sent may be sent again. */
  readonly warnings: readonly string[]
}

export interface CheckAlertsOptions extends RunOptions {
  /** Default: all. */
  readonly products?: readonly string[] | undefined
  /**
   * Where what was sent is remembered, instead of the products' destinations: for a second place, which may only read
   * those. Default: the destinations.
   */
  readonly memory?: ObjectStore | undefined
}

export interface TestAlertsOptions extends RunOptions {
  /** Default: all. */
  readonly products?: readonly string[] | undefined
  /** Only the channel of this name. Default: every one. */
  readonly channel?: string | undefined
}

/**
 * What tells people. None of these calls rejects because a channel or a store fails: that is in what they resolve to,
 * and it must never change the outcome of what it is about. All are bounded in time.
 */
export interface AlertOperations {
  /** Tells the job's ping that a run begins. Does nothing where none is configured. */
  reportStart(run: RunStart, options?: RunOptions): Promise<AlertReport>
  /**
   * Tells what became of a run: the job's ping; alerts for what failed, at once; and for all else that the product's
   * status now shows as new, worse or gone. Does nothing where the product has no `notify`.
   */
  reportRun(outcome: RunOutcome, options?: RunOptions): Promise<AlertReport>
  /** Looks at the status and sends what has changed since the last time anybody looked. */
  checkAlerts(options?: CheckAlertsOptions): Promise<AlertReport>
  /** Sends a test message to every channel. A ping gets it as a log line, which changes nothing. */
  testAlerts(options?: TestAlertsOptions): Promise<AlertReport>
}
