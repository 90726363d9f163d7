import { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { inject, vi } from 'vitest'
import type {} from '../global-setup-s3.js'
import type {} from '../provided-postgres.js'
import { registerSecret, writeLine } from './leak-record.js'
import { starterOf } from './starter-of.js'
import { watchCli, watchLifeboat } from './watch-calls.js'
import { watchModes } from './watch-modes.js'
import { watchHttp, watchMails, watchMessages, watchProcess } from './watch-outputs.js'

/*
 * Loaded before every file of tests: from here on, whatever leaves the toolkit or the command line is written down
 * beside the secrets that were used, and the last step of the test command looks for the one in the other.
 */

for (const name of ['postgres', 's3'] as const) {
  const provided = provision(name)
  if (provided === undefined) continue
  registerSecret('password' in provided ? provided.password : provided.secretAccessKey)
}

// Its own import: what is imported above asks for secrets itself.
vi.mock(import('../../../core/src/config/secret.js'), async importOriginal => {
  const { watchSecrets } = await import('./watch-secrets.js')
  return watchSecrets(await importOriginal())
})
vi.mock(import('../../../core/src/lifeboat.js'), async importOriginal => watchLifeboat(await importOriginal()))
vi.mock(import('../../../cli/src/run.js'), async importOriginal => watchCli(await importOriginal()))
vi.mock(import('../../../core/src/notify/channels/send-http.js'), async original => watchHttp(await original()))
vi.mock(import('../../../core/src/notify/channels/mail-text.js'), async original => watchMails(await original()))
vi.mock(import('../../../core/src/notify/channels/send-message.js'), async original => watchMessages(await original()))
watchProcess()
watchModes()

const patched = Symbol.for('@lifeboat/testkit/argv')
const prototype = ChildProcess.prototype as unknown as {
  readonly stdout?: Readable | null
  readonly stderr?: Readable | null
  spawn(options: { readonly file?: string; readonly args?: readonly string[] }): unknown
  [patched]?: true
}
if (prototype[patched] === undefined) {
  prototype[patched] = true
  const { spawn } = prototype
  // Every way to start a child comes through here.
  prototype.spawn = function (options) {
    const starter = starterOf(new Error('here'))
    if (starter !== undefined) writeLine({ kind: 'argv', from: starter, text: (options.args ?? []).join(' ') })
    const answer = spawn.call(this, options)
    // One of ours that a test starts as a process of its own: what it says is ours, too.
    if (options.file === process.execPath)
      for (const stream of [this.stdout, this.stderr]) if (stream) noteWhatComes(stream)
    return answer
  }
}

function noteWhatComes(stream: Readable): void {
  const push = stream.push.bind(stream)
  stream.push = (chunk: unknown, ...rest: []) => {
    if (chunk instanceof Uint8Array)
      writeLine({ kind: 'process', from: 'a process of its own', text: Buffer.from(chunk).toString('utf8') })
    return push(chunk, ...rest)
  }
}

function provision<Name extends 'postgres' | 's3'>(name: Name) {
  try {
    return inject(name)
  } catch {
    // This project has no such server.
    return undefined
  }
}
