import { createHash } from 'node:crypto'
import type { Job } from '../config/jobs.js'

/**
 * How much later a run begins: between nothing and the limit, and always the same for the same product and job, so that
 * every machine and every start agree.
 */
export function jitterFor(product: string, job: Job, limitMs: number | undefined): number {
  if (limitMs === undefined) return 0
  const fraction = createHash('sha256').update(`${product}\n${job}`).digest().readUInt32BE(0) / 2 ** 32
  return Math.floor(fraction * limitMs)
}
