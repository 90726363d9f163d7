import type { ByteSource } from '../streams/byte-source.js'
import type { EventListener, StageName } from './backup-event.js'

/** Milliseconds between two reports. */
const interval = 250

/**
 * Reports bytes as they pass, about four times a second, and once more at the end.
 * @param work.totalBytes what is expected; an estimate is corrected by the last report
 */
export async function* progressing(
  source: ByteSource,
  work: {
    readonly stage: StageName
    readonly totalBytes: number
    readonly emit: EventListener
    /** What else there is to say now, such as how many tables are in. */
    readonly detail?: (() => string) | undefined
  },
): ByteSource {
  const { stage, totalBytes, emit, detail } = work
  const said = () => (detail === undefined ? {} : { detail: detail() })
  let doneBytes = 0
  let last = 0
  for await (const chunk of source) {
    doneBytes += chunk.byteLength
    const now = performance.now()
    if (now - last > interval) {
      last = now
      emit({ type: 'stage.progressed', stage, doneBytes, totalBytes, ...said() })
    }
    yield chunk
  }
  emit({ type: 'stage.progressed', stage, doneBytes, totalBytes: doneBytes, ...said() })
}
