import { ChildProcess } from 'node:child_process'
import { inject, vi } from 'vitest'
import type {} from '../global-setup-s3.js'
import type {} from '../provided-postgres.js'
import { registerSecret, writeLine } from './leak-record.js'
import { watchCli, watchLifeboat } from './watch-calls.js'

/*
 * Loaded before every file of tests: from here on, whatever leaves the toolkit or the command line is written down
 * beside the secrets that were used, and the last step of the test command looks for the one in the other.
 */

for (const name of ['postgres', 's3'] as const) {
  const provided = provision(name)
  if (provided === undefined) continue
  registerSecret('password' in provided ? provided.password : provided.secretAccessKey)
}

vi.mock(import('../../../core/src/lifeboat.js'), async importOriginal => watchLifeboat(await importOriginal()))
vi.mock(import('../../../cli/src/run.js'), async importOriginal => watchCli(await importOriginal()))

const patched = Symbol.for('@lifeboat/testkit/argv')
const prototype = ChildProcess.prototype as unknown as {
  spawn(options: { readonly args?: readonly string[] }): unknown
  [patched]?: true
}
if (prototype[patched] === undefined) {
  prototype[patched] = true
  const { spawn } = prototype
  // Every way to start a child comes through here.
  prototype.spawn = function (options) {
    const starter = starterOf(new Error('here'))
    if (starter !== undefined) writeLine({ kind: 'argv', from: starter, text: (options.args ?? []).join(' ') })
    return spawn.call(this, options)
  }
}

/** The file of ours that starts a child; undefined when it is a test's own, whose arguments are its own affair. */
function starterOf({ stack = '' }: Error): string | undefined {
  const frame = stack.split('\n').find(line => /\/packages\/[^/]+\/src\//.test(line) && !line.includes('/leaks/watch'))
  const file = /\/packages\/([^:)]+)/.exec(frame ?? '')?.[1]
  return file === undefined || /\.test\.ts|^testkit\/|\/testing\//.test(file) ? undefined : file
}

function provision<Name extends 'postgres' | 's3'>(name: Name) {
  try {
    return inject(name)
  } catch {
    // This project has no such server.
    return undefined
  }
}
