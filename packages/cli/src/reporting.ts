import {
  type AlertReport,
  type Lifeboat,
  outcomeOf,
  type RunOutcome,
  type RunPart,
  type RunStart,
} from '@lifeboat/core'
import { oneLine } from './render/one-line.js'
import type { Session } from './session.js'

/** Tells what became of a run, once it is known. */
export type EndReport = (parts: readonly RunPart[]) => Promise<void>

/**
 * Tells those whom the configuration names that a run begins, and later what became of it. Whatever goes wrong with that
 * is a warning: it changes nothing of the run.
 * @param wanted false with --no-notify, and for runs that nobody waits for
 */
export async function startReport(
  session: Session,
  lifeboat: Lifeboat,
  run: RunStart,
  wanted: boolean,
): Promise<EndReport> {
  if (!wanted) return async () => {}
  const { signal } = session
  const startedAt = session.now()
  await report(session, () => lifeboat.reportStart(run, { signal }))
  return async parts => {
    // Somebody stopped it, and knows.
    if (signal.aborted) return
    await report(session, () => lifeboat.reportRun(outcomeOf({ ...run, startedAt }, parts, session.now()), { signal }))
  }
}

async function report(session: Session, send: () => Promise<AlertReport>): Promise<void> {
  try {
    sayDeliveries(session, await send())
  } catch (error) {
    if (session.signal.aborted) return
    session.warn(`no alert was sent: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** On stderr: what was told whom, and as warnings what was not. */
export function sayDeliveries(session: Session, { deliveries, warnings }: AlertReport): void {
  for (const { kind, channel, title, ok, message } of deliveries) {
    if (!ok) session.warn(`${channel} was not told: ${message}`)
    // A ping is not for people to read about.
    else if (kind !== 'ping') session.say(`told ${channel}: ${oneLine(title)}`)
  }
  for (const warning of warnings) session.warn(warning)
}

/** Around the runs of a scheduler or a worker: the same, told by what became of them. */
export function runReports(session: Session, lifeboat: Lifeboat) {
  return {
    started: (run: RunStart) => report(session, () => lifeboat.reportStart(run)),
    finished: async (outcome: RunOutcome) => {
      if (outcome.result !== 'cancelled') await report(session, () => lifeboat.reportRun(outcome))
    },
  }
}
