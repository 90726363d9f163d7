import { describe, expect, it } from 'vitest'
import { assertKey } from '../store/assert-key.js'
import { backupPrefix, databaseKey, isBackupId, isProductName, manifestKey, newBackupId } from './layout.js'

const start = new Date('2026-11-21T02:00:00.123Z')
const id = '20261121T020000Z-7f3k9q'

describe('isProductName', () => {
  it.each(['shop', 'a', '0', 'ai-booking', 'a'.repeat(63)])('takes %s', name => {
    expect(isProductName(name)).toBe(true)
  })

  it.each(['', 'Shop', '-shop', 'shop/eu', '..', 'sh\u00f6p', 'shop\n', 'a b', 'a'.repeat(64)])('refuses %j', name => {
    expect(isProductName(name)).toBe(false)
  })
})

describe('newBackupId', () => {
  it('begins with the start time in UTC', () => {
    expect(newBackupId(start, () => 0)).toBe('20261121T020000Z-000000')
    expect(newBackupId(new Date('2026-11-21T01:00:00+05:00'), () => 31)).toBe('20261120T200000Z-zzzzzz')
  })

  it('differs between two backups of one second', () => {
    const ids = Array.from({ length: 100 }, () => newBackupId(start))
    expect(new Set(ids).size).toBe(100)
    expect(ids.every(isBackupId)).toBe(true)
  })

  it('asks for random numbers within the alphabet only', () => {
    const limits: number[] = []
    newBackupId(start, limit => {
      limits.push(limit)
      return limit - 1
    })
    expect(limits).toEqual([32, 32, 32, 32, 32, 32])
  })
})

describe('isBackupId', () => {
  it.each(['', 'latest', id.toUpperCase(), `${id}/`, `../${id}`, id.slice(0, -1), `${id}\n`])('refuses %j', text => {
    expect(isBackupId(id)).toBe(true)
    expect(isBackupId(text)).toBe(false)
  })
})

describe('keys', () => {
  it('are those of docs/format.md', () => {
    expect(manifestKey('shop', id)).toBe(`shop/${id}/manifest.json`)
    expect(databaseKey('shop', id, 'gzip')).toBe(`shop/${id}/database.dump.gz.gpg`)
    expect(databaseKey('shop', id, 'zstd')).toBe(`shop/${id}/database.dump.zst.gpg`)
    expect(databaseKey('shop', id, 'none')).toBe(`shop/${id}/database.dump.gpg`)
  })

  it('are keys that every store takes, under the prefix of their backup', () => {
    for (const key of [manifestKey('shop', id), databaseKey('shop', id, 'gzip')]) {
      expect(() => assertKey(key)).not.toThrow()
      expect(key.startsWith(backupPrefix('shop', id))).toBe(true)
    }
  })

  it('never put one product under the prefix of another, so that two products can share a store', () => {
    expect(manifestKey('shop-eu', id).startsWith(backupPrefix('shop', id))).toBe(false)
    expect(manifestKey('shop-eu', id).startsWith('shop/')).toBe(false)
  })
})
