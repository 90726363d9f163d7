import { BackupError } from '@lifeboat/core'
import { canAsk } from '../confirm.js'
import type { Session } from '../session.js'
import { UsageError } from '../usage-error.js'

/** Asks before something is changed. @throws BackupError `cancelled`, and a usage error where nobody can be asked */
export async function confirmRestore(session: Session, question: string): Promise<void> {
  const ask = async () => (await session.prompts.confirm(question)) === true
  await confirmWith(session, ask)
}

/** The same with a question of one's own. */
export async function confirmWith(session: Session, agreed: () => Promise<boolean>): Promise<void> {
  if (!canAsk(session.io)) {
    throw new UsageError(
      'a restore must be confirmed, and there is no terminal to ask on',
      'read the plan above, then add --yes',
    )
  }
  session.progress.pause()
  if (!(await agreed()) || session.signal.aborted) throw new BackupError('cancelled', 'cancelled: nothing was changed')
}
