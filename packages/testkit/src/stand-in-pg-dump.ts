import { execFile } from 'node:child_process'
import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { PgTools } from '@lifeboat/core'

const run = promisify(execFile)

/** What a stand-in does with the output of the real pg_dump. */
export type DumpFault =
  /** Killed by SIGKILL after so many bytes. */
  | { readonly kind: 'die'; readonly afterBytes: number }
  /** Ends with status 0 after so many bytes, as a shell pipe would that hides the status. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** Everything is there, and then it fails. */
  | { readonly kind: 'fail'; readonly status: number; readonly words: string }
  /** Ends with status 0; from this byte on there are others, as many as these. */
  | { readonly kind: 'lie'; readonly atByte: number; readonly bytes: string }
  /** Lines of sh of its own; `$real` is the real pg_dump, `$bin` the folder of the stand-in. */
  | { readonly kind: 'script'; readonly script: string }

/** A folder below `parent` whose pg_dump runs the real one of `tools` and goes wrong at a chosen byte. */
export async function standInPgDump(parent: string, tools: PgTools, fault: DumpFault): Promise<PgTools> {
  const folder = await mkdtemp(join(parent, 'bin-'))
  const file = join(folder, 'pg_dump')
  const real = join(tools.folder, 'pg_dump')
  await writeFile(file, `#!/bin/sh\nreal='${real}'\nbin='${folder}'\n${scriptOf(fault)}\n`)
  await chmod(file, 0o755)
  return { ...tools, folder }
}

/** What the real pg_dump writes of a database, as a backup asks for it. */
export async function dumpOf(tools: PgTools, url: string): Promise<Buffer> {
  const { stdout } = await run(
    join(tools.folder, 'pg_dump'),
    ['--format=custom', '--compress=0', '--encoding=UTF8', url],
    { encoding: 'buffer', maxBuffer: 2 ** 28 },
  )
  return stdout
}

function scriptOf(fault: DumpFault): string {
  switch (fault.kind) {
    case 'die':
      return `"$real" "$@" | head -c ${fault.afterBytes}; kill -9 $$`
    case 'truncate':
      return `"$real" "$@" | head -c ${fault.afterBytes}`
    case 'fail':
      return `"$real" "$@"; echo "pg_dump: error: ${fault.words}" >&2; exit ${fault.status}`
    case 'lie': {
      const after = fault.atByte + Buffer.byteLength(fault.bytes)
      return `"$real" "$@" > "$bin/whole"; head -c ${fault.atByte} "$bin/whole"; printf '%s' '${fault.bytes}'; tail -c +${after + 1} "$bin/whole"`
    }
    case 'script':
      return fault.script
  }
}
