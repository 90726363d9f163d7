import { createHash } from 'node:crypto'
import { cronLine } from './cron-line.js'
import { guardedScript, ofJob, quoted, suffixOf } from './job-command.js'
import type { PrintedFile, PrintedJob } from './print-schedule.js'
import { refuseSameNames } from './refuse-same-names.js'

/** One file with a CronJob for each job. */
export function printKubernetes(jobs: readonly PrintedJob[]): PrintedFile[] {
  refuseSameNames(jobs, nameOf)
  return [{ name: 'lifeboat-cronjobs.yaml', text: jobs.map(manifestOf).join('---\n') }]
}

function manifestOf(job: PrintedJob): string {
  const { fields, guard } = ofJob(job, () => cronLine(job.expression, job.zone))
  return `apiVersion: batch/v1
kind: CronJob
metadata:
  name: ${nameOf(job)}
spec:
  schedule: ${quoted(fields)}
  # Known to Kubernetes from 1.27 on.
  timeZone: ${quoted(job.zone)}
  concurrencyPolicy: Forbid
  # A run that could not begin so many seconds after it was due is left out.
  startingDeadlineSeconds: ${Math.max(10, Math.round(job.graceMs / 1000))}
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 60
          containers:
            - name: lifeboat
              # An image of yours with @lifeboat/cli, a pg_dump no older than the server, and the configuration in /config.
              image: example.org/lifeboat:latest
              command: [/bin/sh, -c]
              args: [${quoted(guardedScript(job, guard))}]
              env:
                - name: LIFEBOAT_CONFIG
                  value: /config/lifeboat.config.ts
              envFrom:
                # Holds ${job.variables.join(', ') || 'what your stores read'}.
                - secretRef:
                    name: lifeboat-${job.product}
`
}

/** At most 52 characters, so that what is made of it fits. */
function nameOf({ product, job }: PrintedJob): string {
  const suffix = suffixOf(job)
  const room = 52 - 'lifeboat-'.length - suffix.length - 1
  if (room > 0) return `lifeboat-${product.slice(0, room).replace(/-+$/, '')}-${suffix}`
  // A set of a long name: what tells it from others is kept.
  const digest = createHash('sha256').update(`${product}/${job}`).digest('hex').slice(0, 8)
  return `lifeboat-${product.slice(0, 12)}-${suffix.slice(0, 20)}-${digest}`.replace(/-{2,}/g, '-')
}
