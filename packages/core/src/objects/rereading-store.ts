import type { GetOptions, ObjectStore } from '../store/object-store.js'
import { overlayStore } from '../store/overlay-store.js'
import type { ByteSource } from '../streams/byte-source.js'
import type { ContentMarks } from './content-marks.js'
import { type RetrievalJob, retrieveContent } from './retrieve-content.js'

/** A copy that goes away again as soon as it is there would be asked for without end. */
const mostTimes = 3

/**
 * The store, where a read that finds its content in the archive (again) asks for all that is still needed, waits for it as
 * long as the first time, and goes on where it was: what was retrieved for some days may go away while it is read.
 */
export function rereading(job: RetrievalJob, stillNeeded: () => Promise<ContentMarks>): ObjectStore {
  const { store } = job
  if (job.retrieve === undefined) return store
  let underWay: Promise<void> | undefined
  // Whoever meets it meanwhile waits for the same.
  const again = () => {
    underWay ??= stillNeeded()
      .then(needed => retrieveContent(job, needed))
      .finally(() => {
        underWay = undefined
      })
    return underWay
  }
  return overlayStore(store, {
    async *get(key: string, options: GetOptions = {}): ByteSource {
      let read = 0
      for (let times = 1; ; times++) {
        try {
          for await (const chunk of store.get(key, read === 0 ? options : from(read, options))) {
            read += chunk.byteLength
            yield chunk
          }
          return
        } catch (error) {
          if (store.classify(error) !== 'object-archived' || times >= mostTimes) throw error
          await again()
        }
      }
    },
  })
}

/** The rest, after so many bytes: content is never another one. */
function from(read: number, options: GetOptions): GetOptions {
  const { start = 0, end } = options.range ?? {}
  return { ...options, range: { start: start + read, end } }
}
