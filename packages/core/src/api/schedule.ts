import type { Job } from '../config/jobs.js'
import type { JobSchedule, ScheduleConfig } from '../config/schedule-schema.js'
import type { RunOutcome } from '../notify/run-outcome.js'
import type { PrintedFile, Scheduler } from '../schedule/print/print-schedule.js'
import type { RunOptions } from './run-options.js'

export interface RunJobOptions extends RunOptions {
  /** When it was due; a backup keeps it as its label `due`. Default: it is not of a schedule. */
  readonly dueAt?: Date | undefined
  /** How many runs it stands for beside its own, because they were missed. Default: none. */
  readonly missed?: number | undefined
}

/** What is done by the clock. Nothing runs by itself: `runSchedule` or a worker of the queue calls this. */
export interface ScheduleOperations {
  /** When a product's work is due. Undefined: nobody said. */
  schedule(product: string): ScheduleConfig | undefined
  /** When the work of its sets of objects is due, by their names: of those that have a schedule. */
  objectSchedules(product: string): Readonly<Record<string, JobSchedule>>
  /**
   * The schedules of products (default: all that have one) as another scheduler reads them. Secrets are named, never
   * written. @throws BackupError `config-invalid` where they cannot be said there
   */
  printSchedule(scheduler: Scheduler, products?: readonly string[]): readonly PrintedFile[]
  /**
   * When the job was begun last, by what the stores hold: the newest backup anywhere; the verification or drill that is
   * the newest in the destination where it is the oldest; of a set the same, of its snapshots. Undefined: never, or, for `prune`, nobody knows.
   */
  lastDone(product: string, job: Job, options?: RunOptions): Promise<Date | undefined>
  /** Whether the run that was due then is done: for a run that may be the second attempt at it. */
  isDone(product: string, job: Job, dueAt: Date, options?: RunOptions): Promise<boolean>
  /**
   * Does a job: a backup; a verification of the newest backup of each destination, up to its content, and of the live
   * database where its rows or queries are configured; a drill; a prune that removes; the same with a set of objects. Never rejects: what became of it is
   * the value.
   */
  runJob(product: string, job: Job, options?: RunJobOptions): Promise<RunOutcome>
}
