import { ContentMarks } from './content-marks.js'
import type { ObjectEntry } from './object-entry.js'
import type { StoredContent } from './snapshot-files.js'

/** Which content, without where in it. */
export type ContentName = Pick<StoredContent, 'run' | 'number'>

export async function marksOf(names: AsyncIterable<ContentName>): Promise<ContentMarks> {
  const marks = new ContentMarks()
  for await (const { run, number } of names) marks.mark(run, number)
  return marks
}

/** The content that entries lie in; empty ones lie in none. */
export async function* contentOf(entries: AsyncIterable<ObjectEntry>): AsyncGenerator<ContentName> {
  for await (const { content } of entries) if (content !== null) yield content
}

/** What is left after the first so many. */
export async function* without<T>(all: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let at = 0
  for await (const one of all) if (at++ >= count) yield one
}
