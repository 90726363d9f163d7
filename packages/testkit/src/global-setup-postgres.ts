import type { TestProject } from 'vitest/node'
import { startScratchServer } from '../../core/src/scratch/index.js'
import type {} from './provided-postgres.js'

/** Starts the server that `inject('postgres')` names; vitest calls what this returns when the run is over. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startScratchServer({ settings: { max_connections: '200' } })
  project.provide('postgres', { url: server.url(), major: server.major, password: server.password })
  return () => server.stop()
}
