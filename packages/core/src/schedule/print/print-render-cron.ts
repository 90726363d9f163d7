import { cronLinesInUtc } from './cron-line.js'
import { guardedScript, ofJob, quoted, unitName } from './job-command.js'
import type { PrintedFile, PrintedJob, PrintOptions } from './print-schedule.js'

/** A blueprint with a cron job for each job. */
export function printRenderCron(jobs: readonly PrintedJob[], { now, version }: PrintOptions): PrintedFile[] {
  const services = jobs.flatMap(job =>
    ofJob(job, () => cronLinesInUtc(job.expression, job.zone, now)).map((line, at) => {
      const zone = job.zone === 'UTC' ? '' : `; in ${job.zone}: ${job.expression}`
      const variables = job.variables.map(name => `      - key: ${name}\n        sync: false\n`).join('')
      return `  - type: cron
    name: ${unitName(job)}${at === 0 ? '' : `-${at + 1}`}
    runtime: node
    # In UTC${zone}. Render counts in UTC only.
    schedule: ${quoted(line.fields)}
    buildCommand: npm install @lifeboat/cli@${version}
    startCommand: ${quoted(`export PATH="$PWD/node_modules/.bin:$PATH"; ${guardedScript(job, line.guard)}`)}
${variables === '' ? '' : `    # Their values are asked for when the blueprint is first applied.\n    envVars:\n${variables}`}`
    }),
  )
  return [{ name: 'render.yaml', text: `services:\n${services.join('')}` }]
}
