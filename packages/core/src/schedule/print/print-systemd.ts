import { jobCommand, ofJob, unitName } from './job-command.js'
import { onCalendar } from './on-calendar.js'
import type { PrintedFile, PrintedJob } from './print-schedule.js'

/** A service and a timer for each job. */
export function printSystemd(jobs: readonly PrintedJob[]): PrintedFile[] {
  return jobs.flatMap(job => {
    const unit = unitName(job)
    return [
      { name: `/etc/systemd/system/${unit}.service`, text: serviceOf(job) },
      { name: `/etc/systemd/system/${unit}.timer`, text: timerOf(job) },
    ]
  })
}

function serviceOf(job: PrintedJob): string {
  return `[Unit]
Description=Lifeboat: ${job.job} of ${job.product}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
# Variables that the configuration reads, readable by root only: ${job.variables.join(', ') || 'none'}
EnvironmentFile=-/etc/lifeboat/${job.product}.env
Environment=LIFEBOAT_CONFIG=/etc/lifeboat/lifeboat.config.ts
ExecStart=/usr/bin/env ${jobCommand(job)}
# The first SIGTERM cancels and cleans up.
TimeoutStopSec=60
`
}

function timerOf(job: PrintedJob): string {
  const jitter =
    job.jitterMs === undefined
      ? ''
      : `RandomizedDelaySec=${Math.max(1, Math.round(job.jitterMs / 1000))}s\nFixedRandomDelay=true\n`
  return `[Unit]
Description=Lifeboat: when ${job.job} of ${job.product} is due

[Timer]
${ofJob(job, () => onCalendar(job.expression, job.zone))
  .map(calendar => `OnCalendar=${calendar}`)
  .join('\n')}
AccuracySec=1s
${jitter}# What was missed while the machine was off is done once.
Persistent=true

[Install]
WantedBy=timers.target
`
}
