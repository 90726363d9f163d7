import { cronLinesInUtc } from './cron-line.js'
import { guardedScript, ofJob, quoted, suffixOf, unitName } from './job-command.js'
import type { PrintedFile, PrintedJob, PrintOptions } from './print-schedule.js'

/** A workflow for each job. */
export function printGithubActions(jobs: readonly PrintedJob[], { now, version }: PrintOptions): PrintedFile[] {
  return jobs.map(job => {
    const lines = ofJob(job, () => cronLinesInUtc(job.expression, job.zone, now))
    const env = job.variables.map(name => `      ${name}: \${{ secrets.${name} }}\n`).join('')
    return {
      name: `.github/workflows/${unitName(job)}.yml`,
      text: `name: ${quoted(`Lifeboat, ${job.job} of ${job.product}`)}
on:
  schedule:
    # In UTC${job.zone === 'UTC' ? '' : `; in ${job.zone}: ${job.expression}`}. GitHub starts scheduled workflows late when it is busy, and may leave one out.
${lines.map(({ fields }) => `    - cron: ${quoted(fields)}\n`).join('')}  workflow_dispatch:
permissions:
  contents: read
concurrency:
  group: ${unitName(job)}
  cancel-in-progress: false
jobs:
  ${suffixOf(job.job)}:
    runs-on: ubuntu-latest
${env === '' ? '' : `    env:\n${env}`}    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 20
      # pg_dump must be no older than the server; install another where this one is.
      - run: pg_dump --version && npm install --global @lifeboat/cli@${version}
      - run: ${quoted(guardedScript(job, lines[0]!.guard))}
`,
    }
  })
}
