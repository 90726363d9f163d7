import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { writeLine } from './leak-record.js'
import { starterOf } from './starter-of.js'

/** Who writes files that others may read, and has a reason to. */
export const mayBeRead: readonly string[] = [
  // Another user collects it.
  'core/src/metrics/write-textfile.ts',
  // A configuration without secrets, and the public halves of keys.
  'cli/src/init/write-files.ts',
  'core/src/keys/write-key-pair.ts',
  // Units and workflows, for the system's scheduler.
  'cli/src/commands/schedule.ts',
]

type Call = (...given: unknown[]) => unknown

/** Writes down every file that a file of ours makes, wherever, and others than its owner may read. */
export function watchModes(): void {
  const promises = fs.promises as unknown as Record<string, Call>
  const plain = fs as unknown as Record<string, Call>
  const patched = Symbol.for('@lifeboat/testkit/modes')
  if (patched in plain) return
  Object.assign(plain, { [patched]: true })
  const { open, writeFile } = promises as { open: Call; writeFile: Call }
  const { createWriteStream } = plain as { createWriteStream: Call }
  promises.writeFile = async (...given) => {
    const from = starterOf(new Error('here'))
    const answer = await writeFile(...given)
    if (typeof given[0] === 'string') note(from, given[0])
    return answer
  }
  promises.open = async (...given) => {
    const from = starterOf(new Error('here'))
    const answer = await open(...given)
    if (makes(given[1])) note(from, String(given[0]))
    return answer
  }
  plain.createWriteStream = (...given) => {
    const from = starterOf(new Error('here'))
    const stream = createWriteStream(...given) as fs.WriteStream
    return stream.once('open', () => note(from, String(given[0])))
  }
  syncBuiltinESMExports()
}

function makes(flags: unknown): boolean {
  return typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : /^[wa]/.test(String(flags))
}

function note(from: string | undefined, path: string): void {
  if (from === undefined || mayBeRead.includes(from)) return
  const made = fs.statSync(path, { throwIfNoEntry: false })
  // A device is everybody's, and nothing is kept in it.
  if (!made?.isFile()) return
  const { mode } = made
  if ((mode & 0o077) !== 0) writeLine({ kind: 'mode', from: `${path} of ${from}`, text: (mode & 0o777).toString(8) })
}
