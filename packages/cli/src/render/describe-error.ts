import { isBackupError } from '@lifeboat/core'
import { UsageError } from '../usage-error.js'
import { oneLine } from './one-line.js'

/** An error as the JSON documents carry it. */
export interface ErrorDocument {
  readonly code: string
  readonly message: string
  readonly hint: string | null
}

/** What a person or a program is told about an error: never a stack, never a credential. */
export function describeError(error: unknown): ErrorDocument {
  if (error instanceof UsageError || isBackupError(error)) {
    return { code: error.code, message: oneLine(error.message), hint: error.hint ? oneLine(error.hint) : null }
  }
  const message = error instanceof Error ? error.message || error.name : String(error)
  return {
    code: 'unexpected',
    message: `unexpected: ${oneLine(message.split('\n')[0] ?? '')}`,
    hint: 'set LIFEBOAT_DEBUG=1 to see where it happened, and report it',
  }
}
