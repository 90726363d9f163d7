import { z } from 'zod'
import { duration, secretReference, text } from './values.js'

/** The moments at which a product's hooks run. */
export const hookNames = [
  'beforeBackup',
  'afterBackup',
  'beforeRestore',
  'afterRestore',
  'beforeDrill',
  'afterDrill',
  'beforeCopy',
  'afterCopy',
] as const
export type HookName = (typeof hookNames)[number]

/** What a hook is told. A command finds it in its environment: `docs/configuration.md`. */
export interface HookFacts {
  readonly hook: HookName
  readonly product: string
  /** The set of objects that is copied; null for anything else. */
  readonly set: string | null
  /** Of a copy the snapshot. Null: there is none yet. */
  readonly backup: string | null
  /** Why the backup is made; null for anything else. */
  readonly reason: string | null
  /** `host:port/database` that is restored into; null for anything else. */
  readonly target: string | null
  /** What became of it; null before. */
  readonly status: 'ok' | 'partial' | 'failed' | 'cancelled' | null
  /** Why it failed. */
  readonly error: { readonly code: string; readonly message: string } | null
}

/** A hook in the same process. What it throws is its failure. */
export type HookFunction = (facts: HookFacts, options: { readonly signal: AbortSignal }) => unknown

const argv = z.array(z.string()).min(1, 'name a program, then its arguments')
const call = z.custom<HookFunction>(value => typeof value === 'function', { message: 'expected a function' })

const common = {
  /** When it is killed, with everything it started. Default: 5m. */
  timeout: duration.default(5 * 60 * 1000),
  /** What its failure means. Default: `fail` before, `warn` after. */
  onFailure: z.enum(['fail', 'warn']).optional(),
}

const environment = z.record(text, z.union([z.string(), secretReference]))

const hook = z.union(
  [
    argv.transform(command => commandOf({ command, ...defaults })),
    call.transform(call => ({ kind: 'function' as const, call, ...defaults })),
    z.strictObject({ call, ...common }).transform(one => ({ kind: 'function' as const, ...one })),
    z.strictObject({ command: argv, environment: environment.default({}), ...common }).transform(commandOf),
    z
      .strictObject({ shell: text, environment: environment.default({}), ...common })
      .transform(({ shell, ...rest }) => ({ kind: 'command' as const, argv: ['/bin/sh', '-c', shell], ...rest })),
  ],
  "expected ['program', 'argument'], a function, or { command, shell or call, timeout, onFailure }",
)

const defaults = { environment: {}, timeout: 5 * 60 * 1000, onFailure: undefined }

function commandOf<T extends { readonly command: string[] }>({ command, ...rest }: T) {
  return { kind: 'command' as const, argv: command, ...rest }
}

/** Commands or functions around a backup, a restore, a drill, and a copy of objects. */
export const hooksSchema = z.strictObject({
  beforeBackup: hook.optional(),
  afterBackup: hook.optional(),
  beforeRestore: hook.optional(),
  afterRestore: hook.optional(),
  beforeDrill: hook.optional(),
  afterDrill: hook.optional(),
  beforeCopy: hook.optional(),
  afterCopy: hook.optional(),
})

export type HooksConfig = z.output<typeof hooksSchema>
export type HookConfig = NonNullable<HooksConfig[HookName]>
export type CommandHook = Extract<HookConfig, { kind: 'command' }>
