import { resolve } from 'node:path'
import { BackupError, type GivenKey, isBackupError, secret } from '@lifeboat/core'
import { canAsk } from '../confirm.js'
import type { Session } from '../session.js'
import { UsageError } from '../usage-error.js'

export interface KeyFlags {
  readonly key?: string
  readonly askPassphrase?: boolean
}

/** A new passphrase, typed twice; undefined for none. */
export async function askNewPassphrase(session: Session, whose: string): Promise<string | undefined> {
  const first = await ask(session, `A passphrase for ${whose} (empty: none):`)
  if (first === '') return undefined
  if ((await ask(session, 'The same once more:')) !== first)
    throw new UsageError('the two passphrases differ', 'nothing was written; try again')
  return first
}

/** Runs work with the key that flags name. A private key that is locked has its passphrase asked for, where somebody is there. */
export async function withGivenKey<T>(
  session: Session,
  flags: KeyFlags,
  work: (key: GivenKey | undefined) => Promise<T>,
): Promise<T> {
  const { env, cwd } = session.io
  const passphrase = flags.askPassphrase
    ? secret.value(await ask(session, 'The passphrase of the backup:'), 'the passphrase that was typed')
    : undefined
  if (flags.key === undefined) return work(passphrase && { passphrase })
  const locked = env.LIFEBOAT_PRIVATE_KEY_PASSPHRASE
  const given = {
    ...(passphrase && { passphrase }),
    privateKey: resolve(cwd, flags.key),
    privateKeyPassphrase: locked ? secret.value(locked, 'LIFEBOAT_PRIVATE_KEY_PASSPHRASE') : undefined,
  }
  try {
    return await work(given)
  } catch (error) {
    if (locked || !isBackupError(error, 'key-missing') || !error.message.endsWith('is locked') || !canAsk(session.io))
      throw error
    const typed = await ask(session, `The passphrase of ${flags.key}:`)
    return work({ ...given, privateKeyPassphrase: secret.value(typed, 'the passphrase that was typed') })
  }
}

async function ask(session: Session, message: string): Promise<string> {
  if (!canAsk(session.io))
    throw new UsageError('a passphrase is needed, and there is no terminal to ask on', 'set it in the environment')
  session.progress.pause()
  const typed = await session.prompts.secret(message)
  if (typed === undefined || session.signal.aborted) throw new BackupError('cancelled', 'cancelled: nothing was done')
  return typed
}
