import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type * as cli from '../../../cli/src/run.js'
import { isSecret } from '../../../core/src/config/secret.js'
import type * as lifeboat from '../../../core/src/lifeboat.js'
import { writeLine } from './leak-record.js'
import { registerPasswordOf, registerSecretText } from './watch-secrets.js'

type OpenLifeboat = typeof lifeboat.openLifeboat
type Config = Parameters<OpenLifeboat>[0]

/** The module with every call of a toolkit written down: its events, its result or its error, and what it stored. */
export function watchLifeboat(original: typeof lifeboat): typeof lifeboat {
  const openLifeboat: OpenLifeboat = async (config, options) => {
    registerSecretsOf(config, options?.configFolder ?? process.cwd())
    registerSecretsOf(options?.keys, process.cwd())
    const opened = await noting('openLifeboat', original.openLifeboat(config, options))
    const watched = Object.entries(opened).map(([name, member]) => {
      if (typeof member !== 'function' || answeredAtOnce.includes(name)) return [name, member]
      return [name, (...given: readonly unknown[]) => call(name, member as Call, given, config)]
    })
    return Object.fromEntries(watched)
  }
  return { ...original, openLifeboat }
}

/** The module with everything that a command line writes written down. */
export function watchCli(original: typeof cli): typeof cli {
  const run: typeof cli.run = (argv, io) => {
    const from = `lifeboat ${argv[0] ?? ''}`
    const noted = (writer: typeof io.stdout) =>
      new Proxy(writer, {
        get(target, name) {
          if (name !== 'write') return Reflect.get(target, name)
          return (text: string) => {
            writeLine({ kind: 'output', from, text })
            target.write(text)
          }
        },
      })
    return original.run(argv, { ...io, stdout: noted(io.stdout), stderr: noted(io.stderr) })
  }
  return { ...original, run }
}

interface CallOptions {
  readonly to?: string
  readonly onEvent?: (event: object) => void
}
/** Every call takes what it is about, and options last. */
type Call = (...given: unknown[]) => Promise<unknown>

/** Calls that promise nothing: they answer from the configuration. */
const answeredAtOnce: readonly string[] = ['destinations', 'schedule', 'printSchedule', 'objectSets']

/** Calls that cannot do without options; those of all others have a default, which a function's `length` does not count. */
const needOptions: readonly string[] = [
  'restore',
  'planRestore',
  'restoreFiles',
  'planFilesRestore',
  'restoreRoles',
  'planRolesRestore',
]

async function call(name: string, member: Call, all: readonly unknown[], config: Config): Promise<unknown> {
  const at = needOptions.includes(name) ? member.length - 1 : member.length
  const given = (all[at] ?? {}) as CallOptions
  if (given.to !== undefined) registerPasswordOf(given.to)
  const onEvent = (event: { readonly type?: string }) => {
    // Thousands of them, of numbers alone.
    if (event.type !== 'stage.progressed') writeLine({ kind: 'event', from: name, text: JSON.stringify(event) })
    given.onEvent?.(event)
  }
  try {
    const before = Array.from({ length: at }, (_, index) => all[index])
    return await noting(name, member(...before, { ...given, onEvent }))
  } finally {
    for (const { destinations } of Object.values(config?.products ?? {}))
      for (const { store } of Object.values(destinations)) if (store?.name === 'directory') noteFiles(store.location)
  }
}

async function noting<T>(from: string, answer: Promise<T>): Promise<T> {
  try {
    const result = await answer
    writeLine({ kind: 'result', from, text: JSON.stringify(result) ?? '' })
    return result
  } catch (error) {
    writeLine({ kind: 'error', from, text: described(error) })
    throw error
  }
}

function described(error: unknown): string {
  const parts: string[] = []
  for (let one = error; one instanceof Error && parts.length < 10; one = one.cause)
    parts.push(one.message, String((one as { hint?: string }).hint), one.stack ?? '', JSON.stringify(one))
  return parts.join('\n')
}

const noted = new Set<string>()

/** Of a folder store: who may read its files, and what the readable ones say. */
function noteFiles(root: string): void {
  if (!existsSync(root)) return
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    try {
      const { mode, mtimeMs, size } = statSync(path)
      if ((!entry.isFile() && !entry.isDirectory()) || noted.has(`${path} ${mtimeMs}`)) continue
      noted.add(`${path} ${mtimeMs}`)
      if (entry.isFile() && (mode & 0o077) !== 0)
        writeLine({ kind: 'mode', from: path, text: (mode & 0o777).toString(8) })
      if (path.endsWith('.json') && size < 2 ** 20)
        writeLine({ kind: 'stored', from: path, text: readFileSync(path, 'utf8') })
    } catch {
      // It went while it was looked at.
    }
  }
}

function registerSecretsOf(value: unknown, folder: string, depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > 6) return
  for (const [name, member] of Object.entries(value)) {
    if (isSecret(member)) registerSecretText(readOrNothing(() => member.read()))
    else if (typeof member === 'string' && /^(privateKey|signingKey)(Path)?$/.test(name))
      registerSecretText(readOrNothing(() => readFileSync(resolve(folder, member), 'utf8')))
    else if (name !== 'store') registerSecretsOf(member, folder, depth + 1)
  }
}

function readOrNothing(read: () => string): string | undefined {
  try {
    return read()
  } catch {
    // A secret that cannot be read was not used.
    return undefined
  }
}
