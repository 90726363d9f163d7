import type { ProductConfig } from '../config/config-schema.js'
import type { HookFacts, HookName } from '../config/hooks-schema.js'
import { isSecret } from '../config/secret.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { type EventListener, emitterFor } from '../events/backup-event.js'
import { type Redactor, redactor } from '../http/redactor.js'
import { runHook } from './run-hook.js'

/** How long a hook may go on after its work was cancelled: whoever cancels waits for it. */
const afterCancelMs = 30_000

/** What is known before the work begins. */
export type KnownFacts = Pick<HookFacts, 'product'> & Partial<Pick<HookFacts, 'backup' | 'reason' | 'target' | 'set'>>

export interface HookedWork<T> {
  readonly around: 'Backup' | 'Restore' | 'Drill' | 'Copy'
  readonly config: ProductConfig | undefined
  /** Commands run in this folder. */
  readonly folder: string
  readonly facts: KnownFacts
  /** What the result says of itself. */
  readonly outcome: (result: T) => { readonly status: 'ok' | 'partial' | 'failed'; readonly backup: string | null }
  readonly work: () => Promise<T>
}

/**
 * Does the work between a product's two hooks. The hook after it runs whatever became of the work, and of the hook before
 * it; it is told.
 * @throws what the work throws; BackupError `hook-failed` of a hook whose failure is one
 */
export async function withHooks<T>(
  hooked: HookedWork<T>,
  options: { readonly signal?: AbortSignal | undefined; readonly onEvent?: EventListener | undefined },
): Promise<T> {
  const { config, facts, around } = hooked
  const hooks = config?.hooks ?? {}
  const names = { before: `before${around}`, after: `after${around}` } as const
  if (config === undefined || (hooks[names.before] === undefined && hooks[names.after] === undefined))
    return hooked.work()
  const emit = emitterFor(options.onEvent)
  const redact = redactorFor(config)
  const { signal } = options
  let end: Pick<HookFacts, 'status' | 'error' | 'backup'> | undefined
  try {
    await run(names.before, { status: null, error: null, backup: facts.backup ?? null }, 'fail', signal)
    const result = await hooked.work()
    end = { ...hooked.outcome(result), error: null }
    // Failing after a success is a failure of its own, where the hook says so.
    await run(names.after, end, 'warn', signal)
    return result
  } catch (error) {
    if (end === undefined) {
      const code = isBackupError(error) ? error.code : 'unexpected'
      const message = redact(error instanceof Error ? error.message : String(error))
      const cancelled = code === 'cancelled' || signal?.aborted === true
      const told = { status: cancelled ? 'cancelled' : 'failed', backup: facts.backup ?? null } as const
      const limit = cancelled ? AbortSignal.timeout(afterCancelMs) : undefined
      // The failure that led here is the one to report.
      await run(names.after, { ...told, error: { code, message } }, 'warn', limit, true)
    }
    throw error
  }

  async function run(
    name: HookName,
    known: Pick<HookFacts, 'status' | 'error' | 'backup'>,
    byDefault: 'fail' | 'warn',
    until: AbortSignal | undefined,
    onlyWarn = false,
  ): Promise<void> {
    const hook = hooks[name]
    if (hook === undefined) return
    const told: HookFacts = {
      ...{
        hook: name,
        product: facts.product,
        reason: facts.reason ?? null,
        target: facts.target ?? null,
        set: facts.set ?? null,
      },
      ...known,
    }
    const began = performance.now()
    const ended = (ok: boolean, output: string) =>
      emit({
        ...{ type: 'hook.finished', product: facts.product, hook: name, ok, output },
        durationMs: performance.now() - began,
      })
    emit({ type: 'hook.started', product: facts.product, hook: name })
    try {
      const folder = hooked.folder
      ended(true, await runHook({ hook, facts: told, folder, redact, signal: until }))
    } catch (error) {
      const failure = isBackupError(error) ? error : new BackupError('hook-failed', String(error), { cause: error })
      ended(false, failure.message)
      if (!onlyWarn && (failure.code === 'cancelled' || (hook.onFailure ?? byDefault) === 'fail')) throw failure
      emit({ type: 'warning.raised', message: failure.message })
    }
  }
}

/** Cuts out what the product's configuration knows as secret. */
function redactorFor(config: ProductConfig): Redactor {
  const found: string[] = []
  const collect = (value: unknown): void => {
    if (isSecret(value)) {
      try {
        found.push(value.read())
      } catch {
        // One that is not set cannot leak.
      }
    } else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) collect(one)
  }
  for (const part of [config.source, config.encryption, config.hooks, config.verify, config.drill]) collect(part)
  const passwords = found.flatMap(one => {
    try {
      const { password } = new URL(one)
      return password === '' ? [] : [password, decodeURIComponent(password)]
    } catch {
      // It is no address.
      return []
    }
  })
  // Of a secret of a character or two every line would lose letters.
  return redactor(
    [...found, ...passwords].filter(one => one.length > 3),
    [],
  )
}
