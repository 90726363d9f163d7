import { execFile } from 'node:child_process'
import { readdir, realpath } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { BackupError } from '../errors/backup-error.js'

const run = promisify(execFile)

/** A folder with PostgreSQL client tools and their version. */
export interface PgTools {
  readonly folder: string
  readonly major: number
  /** `17.11` */
  readonly version: string
}

/** Every set of client tools on this machine, by rising major. */
export async function findPgTools(environment: NodeJS.ProcessEnv = process.env): Promise<PgTools[]> {
  const folders = new Set<string>()
  for (const folder of (environment.LIFEBOAT_PG_BIN ?? '').split(delimiter)) if (folder) folders.add(folder)
  for (const parent of [
    '/usr/lib/postgresql',
    '/opt/homebrew/opt',
    '/usr/local/opt',
    '/Library/PostgreSQL',
    '/Applications/Postgres.app/Contents/Versions',
  ]) {
    for (const name of await namesIn(parent)) {
      if (/^(postgresql@|libpq@?)?[\d.]*$/.test(name) && name !== '') folders.add(join(parent, name, 'bin'))
    }
  }
  for (const folder of (environment.PATH ?? '').split(delimiter)) if (folder) folders.add(folder)
  const found = await Promise.all([...folders].map(versionIn))
  return found.filter(tools => tools !== undefined).sort((a, b) => a.major - b.major)
}

/**
 * The lowest `pg_dump` that is new enough for a server.
 * @throws BackupError `tool-missing`, `tool-too-old`
 */
export function choosePgDump(tools: readonly PgTools[], serverMajor: number): PgTools {
  const chosen = tools.find(one => one.major >= serverMajor)
  if (chosen) return chosen
  const hint = `install the client: apt-get install postgresql-client-${serverMajor} (Debian, Ubuntu, with the PostgreSQL apt repository), brew install libpq (macOS), or name a folder in LIFEBOAT_PG_BIN`
  const newest = tools.at(-1)
  if (!newest) throw new BackupError('tool-missing', 'there is no pg_dump on this machine', { hint })
  throw new BackupError(
    'tool-too-old',
    `the server is PostgreSQL ${serverMajor}, and the newest pg_dump here is ${newest.version} (${newest.folder})`,
    { hint },
  )
}

/** Which client major first reads an archive of this format version. */
export function majorForArchive(version: string): number {
  return { '1.14': 12, '1.15': 16, '1.16': 17 }[version] ?? 18
}

async function versionIn(folder: string): Promise<PgTools | undefined> {
  const file = join(folder, 'pg_dump')
  try {
    // Debian's wrapper only chooses among the folders of /usr/lib/postgresql, slowly; those are asked themselves.
    if ((await realpath(file)).endsWith('/pg_wrapper')) return undefined
    const { stdout } = await run(file, ['--version'], { timeout: 10_000 })
    const version = /(\d+)(?:\.\d+)*/.exec(stdout)
    return version ? { folder, major: Number(version[1]), version: version[0] } : undefined
  } catch {
    // Not a folder with a pg_dump that runs; the next one may be.
    return undefined
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch {
    // A place that this machine does not have.
    return []
  }
}
