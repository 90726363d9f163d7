export { type ScratchServer, startScratchServer } from '../../core/src/scratch/index.js'
export { ensurePgClient } from './pg-clients.js'
export type { ProvidedPostgres } from './provided-postgres.js'
