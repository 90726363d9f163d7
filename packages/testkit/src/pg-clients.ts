import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const repository = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * A folder with pg_dump, pg_restore and psql of `major`: this machine's own, else unpacked once into `.tools/pg<major>`
 * of the repository (Debian and Ubuntu; a few seconds, nothing is installed).
 */
export async function ensurePgClient(major: number): Promise<string> {
  const unpacked = join(repository, '.tools', `pg${major}`)
  const places = [
    `/usr/lib/postgresql/${major}/bin`,
    `/opt/homebrew/opt/postgresql@${major}/bin`,
    `/usr/local/opt/postgresql@${major}/bin`,
    ...(process.env.PATH ?? '').split(delimiter),
    join(unpacked, 'bin'),
  ]
  for (const folder of places) {
    if (folder !== '' && (await holdsClient(folder, major))) return folder
  }
  // The script makes the folder under another name and renames it, so a run that was cut off or a race leaves no half.
  await run(join(repository, 'scripts', 'get-pgclient.sh'), [String(major), unpacked])
  return join(unpacked, 'bin')
}

async function holdsClient(folder: string, major: number): Promise<boolean> {
  try {
    for (const tool of ['psql', 'pg_restore', 'pg_dump']) await access(join(folder, tool))
    const { stdout } = await run(join(folder, 'pg_dump'), ['--version'])
    return stdout.includes(`(PostgreSQL) ${major}.`)
  } catch {
    // Not there or not working: the next place, and in the end the script, which says what is wrong.
    return false
  }
}
