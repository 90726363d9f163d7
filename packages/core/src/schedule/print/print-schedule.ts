import type { Job } from '../../config/jobs.js'
import type { JobSchedule } from '../../config/schedule-schema.js'
import { BackupError } from '../../errors/backup-error.js'
import { timesOf } from '../plan-runs.js'
import { unitName } from './job-command.js'
import { printCrontab } from './print-crontab.js'
import { printGithubActions } from './print-github-actions.js'
import { printKubernetes } from './print-kubernetes.js'
import { printRenderCron } from './print-render-cron.js'
import { printSystemd } from './print-systemd.js'
import { refuseSameNames } from './refuse-same-names.js'

/** Schedulers that others run. */
export const schedulers = ['cron', 'systemd', 'github-actions', 'kubernetes', 'render-cron'] as const
export type Scheduler = (typeof schedulers)[number]

/** A product, or one of its sets of objects, whose schedule is written for another scheduler. */
export interface PrintedProduct {
  readonly product: string
  readonly schedule: JobSchedule
  /** Names of the environment variables that its configuration reads. */
  readonly variables: readonly string[]
}

export interface PrintOptions {
  readonly now: Date
  /** Of this toolkit, to be installed where the scheduler runs. */
  readonly version: string
}

/** A file for a scheduler. */
export interface PrintedFile {
  /** As it is usually called, from the root of the machine or of the repository. */
  readonly name: string
  readonly text: string
}

/** One job of a product, as the printers see it. */
export interface PrintedJob {
  readonly product: string
  readonly job: Job
  readonly expression: string
  readonly zone: string
  readonly jitterMs: number | undefined
  /** How late a run may begin, in ms. */
  readonly graceMs: number
  readonly variables: readonly string[]
}

/**
 * The schedules of products as another scheduler reads them. Secrets are named, never written.
 * @throws BackupError `config-invalid` where an expression or a zone cannot be said there, or nothing is scheduled
 */
export function printSchedule(
  scheduler: Scheduler,
  products: readonly PrintedProduct[],
  options: PrintOptions,
): PrintedFile[] {
  const jobs = products.flatMap(({ product, schedule, variables }) =>
    timesOf(schedule).map(({ job, expression }): PrintedJob => {
      const { timeZone: zone, jitter: jitterMs, grace: graceMs } = schedule
      return { product, job, expression, zone, jitterMs, graceMs, variables }
    }),
  )
  if (jobs.length === 0)
    throw new BackupError('config-invalid', 'no product has a schedule', {
      hint: "add one to the configuration, such as schedule: { backup: '0 2 * * *' }",
    })
  // Of a product `shop` and a set `uploads`, and of a product `shop-objects-uploads`.
  refuseSameNames(jobs, unitName)
  const print = {
    cron: printCrontab,
    systemd: printSystemd,
    'github-actions': printGithubActions,
    kubernetes: printKubernetes,
    'render-cron': printRenderCron,
  }[scheduler]
  return print(jobs, options)
}
