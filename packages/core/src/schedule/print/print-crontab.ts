import { cronLine } from './cron-line.js'
import { guardedScript, ofJob } from './job-command.js'
import type { PrintedFile, PrintedJob } from './print-schedule.js'

/** A table for each time zone, as a table has one. */
export function printCrontab(jobs: readonly PrintedJob[]): PrintedFile[] {
  const zones = [...new Set(jobs.map(({ zone }) => zone))]
  return zones.map(zone => {
    const lines = jobs
      .filter(job => job.zone === zone)
      .flatMap(job => {
        const { fields, guard } = ofJob(job, () => cronLine(job.expression, zone))
        // cron takes a bare % for the end of the command.
        return [`# ${job.product}: ${job.job}`, `${fields} ${guardedScript(job, guard).replaceAll('%', '\\%')}`]
      })
    const variables = [...new Set(jobs.flatMap(job => job.variables))].join(', ')
    return {
      name: zones.length === 1 ? 'crontab' : `crontab-${zone.replaceAll('/', '-')}`,
      text: `${[
        `# Times are those of ${zone}. cronie reads CRON_TZ; the cron of Debian and Ubuntu does not, and goes by the zone`,
        `# of the machine: there it must be ${zone} (see timedatectl).`,
        `CRON_TZ=${zone}`,
        'SHELL=/bin/sh',
        'PATH=/usr/local/bin:/usr/bin:/bin',
        "# The configuration's file, and the variables that it reads: cron has no other environment. Secrets do not belong in",
        `# this file; a wrapper that reads them from a place of their own does: ${variables || 'none here'}.`,
        '#LIFEBOAT_CONFIG=/etc/lifeboat/lifeboat.config.ts',
        ...lines,
      ].join('\n')}\n`,
    }
  })
}
