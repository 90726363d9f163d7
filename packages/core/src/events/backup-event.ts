import type { Job } from '../config/jobs.js'
import type { RunOutcome } from '../notify/run-outcome.js'

/** What happens while an operation runs, as plain JSON values named `noun.past-tense`. */
export type BackupEvent =
  | { readonly type: 'backup.started'; readonly product: string; readonly id: string; readonly expectedBytes: number }
  | {
      readonly type: 'source.probed'
      readonly product: string
      readonly serverVersion: string
      readonly databaseBytes: number
      readonly pgDump: string
    }
  | {
      readonly type: 'stage.progressed'
      readonly stage: StageName
      readonly doneBytes: number
      readonly totalBytes: number | null
      readonly detail?: string
    }
  | {
      readonly type: 'artifact.stored'
      readonly destination: string
      readonly key: string
      readonly storedBytes: number
    }
  | {
      readonly type: 'destination.failed'
      readonly destination: string
      readonly code: string
      readonly message: string
      readonly hint: string | null
    }
  | {
      readonly type: 'backup.finished'
      readonly product: string
      readonly id: string
      readonly status: 'complete' | 'partial'
    }
  | {
      /** A call of a store failed and is made again after a wait. */
      readonly type: 'retry.scheduled'
      readonly destination: string
      readonly doing: string
      /** Which attempt comes next; the first repetition is the second. */
      readonly attempt: number
      readonly delayMs: number
      readonly code: string
    }
  | {
      /** An archived object was asked for; it can be read in some hours. */
      readonly type: 'retrieval.requested'
      readonly destination: string
      readonly key: string
      readonly tier: string
    }
  | { readonly type: 'step.started'; readonly step: string }
  | { readonly type: 'step.finished'; readonly step: string; readonly durationMs: number }
  | { readonly type: 'table.restored'; readonly schema: string; readonly name: string; readonly rows: number }
  | {
      readonly type: 'provider.progressed'
      readonly provider: string
      /** In the provider's own words, such as `RESTORING`. */
      readonly state: string
      readonly elapsedMs: number
    }
  | {
      /** A job of a schedule begins. */
      readonly type: 'run.started'
      readonly product: string
      readonly job: Job
      /** RFC 3339; null: it is not of a schedule. */
      readonly dueAt: string | null
      /** How many runs it stands for beside its own. */
      readonly missed: number
    }
  | { readonly type: 'run.finished'; readonly dueAt: string | null; readonly outcome: RunOutcome }
  | { readonly type: 'hook.started'; readonly product: string; readonly hook: string }
  | {
      readonly type: 'hook.finished'
      readonly product: string
      readonly hook: string
      readonly ok: boolean
      /** The end of what a command wrote, or why it failed; without secrets. */
      readonly output: string
      readonly durationMs: number
    }
  | { readonly type: 'warning.raised'; readonly message: string }
  | { readonly type: 'object.removed'; readonly destination: string; readonly key: string }

export type StageName = 'dump' | 'verify' | 'restore' | 'proof' | 'copy' | 'objects' | 'retrieve'

export type EventListener = (event: BackupEvent) => void

/** An emitter on which a listener that throws breaks nothing. */
export function emitterFor(listener: EventListener | undefined): EventListener {
  if (listener === undefined) return () => {}
  return event => {
    try {
      listener(event)
    } catch {
      // A broken progress bar must never break a backup; the listener is the caller's own code.
    }
  }
}
