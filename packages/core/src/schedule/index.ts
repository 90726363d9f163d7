export { isJob, type Job, kindOfJob, type ScheduledJob, type SetJob, scheduledJobs, setOfJob } from '../config/jobs.js'
export type { JobSchedule, ObjectScheduleConfig, ScheduleConfig } from '../config/schedule-schema.js'
export type { RunOutcome } from '../notify/run-outcome.js'
export { lastDue, missedRuns, nextRun } from './due-times.js'
export { createHealth, type Health, type HealthReport } from './health-handler.js'
export { jitterFor } from './jitter.js'
export { type DueRun, type Handled, planRuns, type RunPlan, timesOf } from './plan-runs.js'
export { type PrintedFile, type Scheduler, schedulers } from './print/print-schedule.js'
export {
  type ProductState,
  type RunScheduleOptions,
  runSchedule,
  type ScheduledToolkit,
  type ScheduleEnd,
} from './run-schedule.js'
export { type ScheduleClock, systemClock } from './wait.js'
