import type { EventListener } from '../events/backup-event.js'
import type { DrillStep } from '../repository/record-schema.js'

/** Steps as they begin and end, from the events that report them. */
export interface Timeline {
  readonly steps: readonly DrillStep[]
  /** Ms since the timeline began. */
  elapsedMs(): number
  readonly onEvent: EventListener
  /** Runs `work` as a step of its own. */
  timed<T>(step: string, work: () => Promise<T>): Promise<T>
}

/** @param forward gets every event under the step's name in the timeline */
export function startTimeline(forward: EventListener, names: Readonly<Record<string, string>> = {}): Timeline {
  const began = performance.now()
  const steps: DrillStep[] = []
  const open = new Map<string, { at: number; index: number }>()
  const elapsedMs = () => performance.now() - began
  const onEvent: EventListener = event => {
    if (event.type === 'step.started') {
      const step = names[event.step] ?? event.step
      const at = elapsedMs()
      open.set(step, { at, index: steps.length })
      steps.push({ step, startedAfterMs: at, durationMs: 0 })
      forward({ ...event, step })
    } else if (event.type === 'step.finished') {
      const step = names[event.step] ?? event.step
      close(step)
      forward({ ...event, step })
    } else forward(event)
  }
  function close(step: string): void {
    const begun = open.get(step)
    if (begun === undefined) return
    open.delete(step)
    steps[begun.index] = { step, startedAfterMs: begun.at, durationMs: elapsedMs() - begun.at }
  }
  return {
    steps,
    elapsedMs,
    onEvent,
    async timed(step, work) {
      const at = elapsedMs()
      onEvent({ type: 'step.started', step })
      try {
        return await work()
      } finally {
        // One that failed took its time, too.
        onEvent({ type: 'step.finished', step, durationMs: elapsedMs() - at })
      }
    },
  }
}
