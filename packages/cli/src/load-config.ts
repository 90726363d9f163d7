import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import * as core from '@lifeboat/core'
import { BackupError, type LifeboatConfig } from '@lifeboat/core'
import { createJiti } from 'jiti'
import type { CliIo } from './cli-io.js'
import { oneLine } from './render/one-line.js'

/** The names under which a configuration is looked for, the first one wins. */
export const configFileNames = ['ts', 'mts', 'mjs', 'js'].map(ending => `lifeboat.config.${ending}`)

/** A configuration as it was written; core checks it. */
export interface LoadedConfig {
  readonly config: LifeboatConfig
  readonly file: string
  /** Relative key paths in the configuration start here. */
  readonly folder: string
}

/**
 * The configuration file: the one named, else the one LIFEBOAT_CONFIG names, else the nearest in the folder or above.
 * @returns undefined when none was named and none is there
 * @throws BackupError `config-invalid` when a named file is not there
 */
export function findConfig(io: CliIo, named: string | undefined): string | undefined {
  const wanted = named ?? (io.env.LIFEBOAT_CONFIG || undefined)
  if (wanted !== undefined) {
    const file = resolve(io.cwd, wanted)
    if (existsSync(file)) return file
    throw new BackupError('config-invalid', `the configuration ${wanted} does not exist`, {
      hint: `correct ${named === undefined ? 'LIFEBOAT_CONFIG' : '--config'}, or write one with: lifeboat init`,
    })
  }
  for (let folder = resolve(io.cwd); ; folder = dirname(folder)) {
    const name = configFileNames.find(candidate => existsSync(join(folder, candidate)))
    if (name !== undefined) return join(folder, name)
    if (folder === dirname(folder)) return undefined
  }
}

/** The error for a command that needs a configuration where there is none. */
export function noConfig(io: CliIo): BackupError {
  return new BackupError('config-invalid', `no lifeboat.config.ts in ${io.cwd} or above`, {
    hint: 'write one with: lifeboat init, or name one with --config FILE',
  })
}

/** The first line of what was said, and of an error in the text of a file its place, which is a line of its own. */
function reasonOf(error: unknown): string {
  const [first = '', ...more] = String(error instanceof Error ? error.message : error).split('\n')
  const place = more.map(line => line.trim()).find(line => /:\d+:\d+$/.test(line))
  return oneLine(place === undefined ? first.trim() : `${first.trim()} (${place})`)
}

/**
 * Loads a configuration, TypeScript or JavaScript. It finds `@lifeboat/core` and its providers (S3, Render, Supabase) in this
 * program, so it works in a folder where nothing is installed; other providers come from the folder's own node_modules.
 * @throws BackupError `config-invalid`
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  try {
    const source = await readFile(file, 'utf8')
    const virtualModules: Record<string, unknown> = { '@lifeboat/core': core }
    if (source.includes('@lifeboat/provider-s3')) {
      virtualModules['@lifeboat/provider-s3'] = await import('@lifeboat/provider-s3')
    }
    if (source.includes('@lifeboat/provider-render')) {
      virtualModules['@lifeboat/provider-render'] = await import('@lifeboat/provider-render')
    }
    if (source.includes('@lifeboat/provider-supabase')) {
      virtualModules['@lifeboat/provider-supabase'] = await import('@lifeboat/provider-supabase')
    }
    const jiti = createJiti(file, { fsCache: false, moduleCache: false, virtualModules })
    const loaded = await jiti.import<Record<string, unknown>>(file)
    if (loaded.default === undefined) throw new Error('it has no default export')
    return { config: loaded.default as LifeboatConfig, file, folder: dirname(file) }
  } catch (error) {
    if (core.isBackupError(error)) throw error
    const why = reasonOf(error)
    throw new BackupError('config-invalid', `the configuration ${file} cannot be loaded: ${why}`, {
      hint: 'it must be a module whose default export is defineConfig({ … }); docs/configuration.md shows one',
      cause: error,
    })
  }
}
