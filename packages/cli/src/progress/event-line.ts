import type { BackupEvent } from '@lifeboat/core'
import { oneLine } from '../render/one-line.js'
import { formatBytes, formatDuration } from '../render/quantities.js'

/** What is said about an event, and how loudly; undefined for the ones that only move the bar. */
export function eventLine(event: BackupEvent): { readonly text: string; readonly warning: boolean } | undefined {
  switch (event.type) {
    case 'backup.started':
      return note(`${event.product}: backup ${event.id} started`)
    case 'source.probed':
      return note(
        `${event.product}: Postgres ${event.serverVersion}, ${formatBytes(event.databaseBytes)}, dumped by ${event.pgDump}`,
      )
    case 'artifact.stored':
      return note(`stored at ${event.destination}: ${event.key} (${formatBytes(event.storedBytes)})`)
    case 'destination.failed':
      return warning(`destination ${event.destination} failed: ${event.message}`)
    case 'retry.scheduled':
      return note(
        `${event.destination}: ${event.doing} failed (${event.code}); attempt ${event.attempt} in ${formatDuration(event.delayMs)}`,
      )
    case 'retrieval.requested':
      return note(`asked ${event.destination} to retrieve ${event.key} (${event.tier})`)
    case 'step.finished':
      return note(`${event.step} (${formatDuration(event.durationMs)})`)
    case 'provider.progressed':
      return note(`${event.provider}: ${event.state} (${formatDuration(event.elapsedMs)})`)
    case 'warning.raised':
      return warning(event.message)
    case 'object.removed':
      return note(`removed from ${event.destination}: ${event.key}`)
    case 'hook.finished':
      return note(
        `${event.hook} of ${event.product} ${event.ok ? 'done' : 'failed'} (${formatDuration(event.durationMs)})`,
      )
    case 'hook.started':
    case 'run.started':
    case 'run.finished':
    case 'backup.finished':
    case 'stage.progressed':
    case 'step.started':
    case 'table.restored':
      return undefined
  }
}

function note(text: string) {
  return { text: oneLine(text), warning: false }
}

function warning(text: string) {
  return { text: oneLine(text), warning: true }
}
