import type { BackupEvent } from '@lifeboat/core'
import { eventLine } from '../progress/event-line.js'
import type { Session } from '../session.js'
import { oneLine } from './one-line.js'
import { formatDuration } from './quantities.js'

/** Writes what happens as lines of a log on stderr: when, to which product, what. */
export function runLog(session: Session): {
  readonly say: (words: string) => void
  readonly onEvent: (product: string, event: BackupEvent) => void
} {
  const stamp = () =>
    session
      .now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z')
  const say = (words: string) => session.say(`${stamp()} ${oneLine(words)}`)
  return {
    say,
    onEvent(product, event) {
      if (event.type === 'run.started') {
        const due = event.dueAt === null ? '' : `, due at ${event.dueAt.replace(/\.\d+Z$/, 'Z')}`
        const missed = event.missed > 0 ? `, for ${event.missed} that were missed, too` : ''
        say(`${product}: ${event.job} begins${due}${missed}`)
      } else if (event.type === 'run.finished') {
        const { job, result, summary, startedAt, finishedAt, failures } = event.outcome
        const took = formatDuration(Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt)))
        say(`${product}: ${job} ${result === 'ok' ? 'done' : result} in ${took}: ${summary}`)
        for (const { hint } of failures) if (hint !== null) say(`${product}: hint: ${hint}`)
      } else {
        const line = eventLine(event)
        if (line?.warning) session.warn(`${stamp()} ${product}: ${line.text}`)
      }
    },
  }
}
