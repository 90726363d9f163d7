import type { Lifeboat } from '@lifeboat/core'
import { type RunOutcome, type ScheduledJob, scheduledJobs } from '@lifeboat/core/schedule'
import type { CommandResult } from '../command.js'
import { combinedStatus, type ExitStatus, exitStatus, exitStatusOfCode } from '../exit-status.js'
import { runLog } from '../render/run-log.js'
import { runReports } from '../reporting.js'
import type { Session } from '../session.js'

/** Does jobs of products at once, as their schedule would: for another scheduler, which says when. */
export async function runJobs(
  session: Session,
  lifeboat: Lifeboat,
  products: readonly string[],
  jobs: readonly ScheduledJob[],
  notify: boolean,
): Promise<CommandResult> {
  const log = runLog(session)
  const { signal } = session
  const reports = notify ? runReports(session, lifeboat) : undefined
  const outcomes: RunOutcome[] = []
  let left = false
  for (const product of products)
    for (const job of scheduledJobs.filter(one => jobs.includes(one))) {
      left ||= signal.aborted
      if (left) break
      await reports?.started({ product, job })
      const outcome = await lifeboat.runJob(product, job, { signal, onEvent: event => log.onEvent(product, event) })
      await reports?.finished(outcome)
      outcomes.push(outcome)
    }
  return {
    status: left ? exitStatus.cancelled : combinedStatus(outcomes.map(statusOf)),
    document: { outcomes },
    lines: outcomes.map(({ product, job, result, summary }) => `${product}: ${job} ${result}: ${summary}`),
  }
}

function statusOf({ result, failures }: RunOutcome): ExitStatus {
  if (result === 'ok') return exitStatus.done
  if (result === 'partial') return exitStatus.partial
  if (result === 'cancelled') return exitStatus.cancelled
  // Without a failure of its own the run found damage.
  const [failure] = failures
  return failure === undefined ? exitStatus.damaged : exitStatusOfCode(failure.code)
}
