export type { CliIo, CliReader, CliWriter, Prompts } from './cli-io.js'
export { exitStatus, exitStatusOf } from './exit-status.js'
export { run } from './run.js'
