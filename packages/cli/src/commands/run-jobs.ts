import type { Lifeboat } from '@lifeboat/core'
import { type Job, type RunOutcome, setOfJob } from '@lifeboat/core/schedule'
import type { CommandResult } from '../command.js'
import { combinedStatus, type ExitStatus, exitStatus, exitStatusOfCode } from '../exit-status.js'
import { runLog } from '../render/run-log.js'
import { runReports } from '../reporting.js'
import type { Session } from '../session.js'
import { UsageError } from '../usage-error.js'

/** Does jobs of products at once, as their schedule would: for another scheduler, which says when. */
export async function runJobs(
  session: Session,
  lifeboat: Lifeboat,
  products: readonly string[],
  jobs: readonly Job[],
  notify: boolean,
): Promise<CommandResult> {
  const log = runLog(session)
  const { signal } = session
  const reports = notify ? runReports(session, lifeboat) : undefined
  const outcomes: RunOutcome[] = []
  const has = (product: string, job: Job) => {
    const set = setOfJob(job)?.set
    return set === undefined || lifeboat.objectSets(product).includes(set)
  }
  const nobodys = jobs.find(job => !products.some(product => has(product, job)))
  if (nobodys !== undefined) {
    const sets = products.flatMap(product => lifeboat.objectSets(product))
    const configured = sets.length === 0 ? 'none' : [...new Set(sets)].join(', ')
    throw new UsageError(`no product has the set of objects of ${nobodys}`, `configured: ${configured}`)
  }
  let left = false
  for (const product of products)
    for (const job of inOrder(jobs).filter(one => has(product, one))) {
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

/** Each once; a backup or a copy before what looks at it. */
function inOrder(jobs: readonly Job[]): Job[] {
  const order = ['backup', 'copy', 'verify', 'drill', 'prune']
  const place = (job: Job) => order.indexOf(setOfJob(job)?.does ?? job)
  return [...new Set(jobs)].sort((a, b) => place(a) - place(b))
}

function statusOf({ result, failures }: RunOutcome): ExitStatus {
  if (result === 'ok') return exitStatus.done
  if (result === 'partial') return exitStatus.partial
  if (result === 'cancelled') return exitStatus.cancelled
  // Without a failure of its own the run found damage.
  const [failure] = failures
  return failure === undefined ? exitStatus.damaged : exitStatusOfCode(failure.code)
}
