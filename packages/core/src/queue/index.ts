export { enqueueDue } from './enqueue-due.js'
export {
  type OpenQueueOptions,
  openQueue,
  type QueuedRun,
  type RunEnd,
  type RunQueue,
  type RunRow,
  type TakenRun,
} from './open-queue.js'
export { type PerformOptions, performWith } from './perform-run.js'
export { queueSchema } from './queue-schema.js'
export type { QueueTotals } from './queue-totals.js'
export { type Perform, type RunWorkerOptions, runWorker, type WorkerEnd } from './run-worker.js'
