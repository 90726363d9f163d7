import { BackupError, type PutLock } from '@lifeboat/core'
import { classifyS3Error } from './classify-s3-error.js'
import type { S3Connection } from './s3-connection.js'

interface Target {
  readonly Bucket: string
  readonly Key: string
}

/**
 * Sees to it that an object is locked at least as `lock` says. A service refuses to shorten a lock, so a refusal is no
 * failure where the object turns out to be locked for longer.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectRetention.html
 */
export async function extendLock(
  { sdk, client }: S3Connection,
  target: Target,
  { mode, until, legalHold }: PutLock,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = { abortSignal: signal }
  try {
    if (until !== undefined) {
      const Mode = ({ governance: 'GOVERNANCE', compliance: 'COMPLIANCE' } as const)[mode]
      const Retention = { Mode, RetainUntilDate: until }
      try {
        await client.send(new sdk.PutObjectRetentionCommand({ ...target, Retention }), options)
      } catch (error) {
        signal?.throwIfAborted()
        const code = classifyS3Error(error)
        if (code !== 'store-auth-failed' && code !== 'store-refused') throw error
        const now = await retentionOf({ sdk, client }, target, signal)
        if (now?.until === undefined || now.until < until) throw explained(error, target, mode, now)
      }
    }
    if (!legalHold) return
    const LegalHold = { Status: 'ON' as const }
    await client.send(new sdk.PutObjectLegalHoldCommand({ ...target, LegalHold }), options)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

interface Retention {
  readonly mode: string | undefined
  readonly until: Date | undefined
}

/** Undefined: it has none, or these credentials may not see it. */
async function retentionOf(
  { sdk, client }: S3Connection,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<Retention | undefined> {
  try {
    const { Retention } = await client.send(new sdk.GetObjectRetentionCommand(target), { abortSignal: signal })
    return { mode: Retention?.Mode, until: Retention?.RetainUntilDate }
  } catch {
    signal?.throwIfAborted()
    return undefined
  }
}

function explained(error: unknown, { Key }: Target, mode: PutLock['mode'], now: Retention | undefined): unknown {
  if (mode !== 'governance' || now?.mode !== 'COMPLIANCE') return error
  const message = `${Key} is locked in compliance mode until ${now.until?.toISOString()}, which no other mode can take over`
  return new BackupError('store-refused', message, {
    cause: error,
    hint: "leave the mode at 'compliance', or copy everything anew: `lifeboat objects backup --full`",
  })
}
