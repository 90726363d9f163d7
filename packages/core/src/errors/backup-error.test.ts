import { describe, expect, it, vi } from 'vitest'
import { BackupError, isBackupError } from './backup-error.js'
import { cancellation, throwIfCancelled } from './cancelled.js'
import { errorCodes, retryable } from './error-code.js'

describe('BackupError', () => {
  it('carries its code, message, hint and cause', () => {
    const cause = new Error('ECONNRESET')
    const error = new BackupError('store-unreachable', 'cannot reach s3://bucket', { hint: 'try later', cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'BackupError', code: 'store-unreachable', hint: 'try later' })
    expect(error.message).toBe('cannot reach s3://bucket')
    expect(error.cause).toBe(cause)
    expect(error.stack).toContain('backup-error.test')
  })

  it('has no cause where none is given', () => {
    expect('cause' in new BackupError('locked', 'locked')).toBe(false)
    expect(new BackupError('locked', 'locked').hint).toBeUndefined()
  })
})

describe('isBackupError', () => {
  it('tells the class, and the code where one is asked for', () => {
    const error: unknown = new BackupError('locked', 'locked by another run')
    expect(isBackupError(error)).toBe(true)
    expect(isBackupError(error, 'locked')).toBe(true)
    expect(isBackupError(error, 'store-full')).toBe(false)
  })

  it('knows errors of another copy of the package', async () => {
    vi.resetModules()
    const copy = await import('./backup-error.js')
    const error = new copy.BackupError('locked', 'locked by another run')
    expect(error).not.toBeInstanceOf(BackupError)
    expect(isBackupError(error, 'locked')).toBe(true)
  })

  it.each([undefined, null, 'locked', { code: 'locked' }, Object.assign(new Error('x'), { code: 'locked' })])(
    'is not taken in by %s',
    value => {
      expect(isBackupError(value)).toBe(false)
    },
  )
})

describe('cancellation', () => {
  it('is `cancelled` for an abort, `timed-out` for a timeout, and keeps what caused it', () => {
    const reason = new Error('ctrl-c')
    expect(cancellation(AbortSignal.abort(reason))).toMatchObject({ code: 'cancelled', cause: reason })
    const timeout = new DOMException('too long', 'TimeoutError')
    expect(cancellation(AbortSignal.abort(timeout))).toMatchObject({ code: 'timed-out', cause: timeout })
  })

  it('is the reason itself where that is an error of ours', () => {
    const reason = new BackupError('locked', 'the lock was lost')
    expect(cancellation(AbortSignal.abort(reason))).toBe(reason)
  })

  it('is thrown only by a signal that is aborted', () => {
    expect(() => throwIfCancelled(undefined)).not.toThrow()
    expect(() => throwIfCancelled(new AbortController().signal)).not.toThrow()
    expect(() => throwIfCancelled(AbortSignal.abort())).toThrow('cancelled')
  })
})

describe('error codes', () => {
  it('are listed once each', () => {
    expect(new Set(errorCodes).size).toBe(errorCodes.length)
  })

  it('are worth another try only where the same call can then succeed', () => {
    expect(errorCodes.filter(retryable)).toEqual([
      'database-unreachable',
      'store-unreachable',
      'provider-unreachable',
      'provider-rate-limited',
      'timed-out',
    ])
  })
})
