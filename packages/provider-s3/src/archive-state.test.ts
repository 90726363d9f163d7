import { describe, expect, it } from 'vitest'
import { archiveOf, archiveOfListed } from './archive-state.js'

const classes = ['GLACIER', 'DEEP_ARCHIVE']
const until = new Date('2026-12-21T00:00:00Z')

describe('whether an object lies in an archive', () => {
  it.each([
    [{ StorageClass: 'STANDARD_IA' }, undefined],
    [{ StorageClass: 'GLACIER_IR' }, undefined],
    [{ StorageClass: 'GLACIER' }, { state: 'archived' }],
    [{ StorageClass: 'INTELLIGENT_TIERING', ArchiveStatus: 'ARCHIVE_ACCESS' as const }, { state: 'archived' }],
    [{ StorageClass: 'GLACIER', Restore: 'ongoing-request="true"' }, { state: 'retrieving' }],
    [
      {
        StorageClass: 'DEEP_ARCHIVE',
        Restore: 'ongoing-request="false", expiry-date="Mon, 21 Dec 2026 00:00:00 GMT"',
      },
      { state: 'readable', until },
    ],
  ])('%j by HEAD', (found, archive) => {
    expect(archiveOf(found as Parameters<typeof archiveOf>[0], classes).archive).toEqual(archive)
  })

  it.each([
    [{ StorageClass: 'STANDARD' }, undefined],
    [{ StorageClass: 'GLACIER' }, { state: 'archived' }],
    [{ StorageClass: 'GLACIER', RestoreStatus: { IsRestoreInProgress: true } }, { state: 'retrieving' }],
    [
      { StorageClass: 'GLACIER', RestoreStatus: { IsRestoreInProgress: false, RestoreExpiryDate: until } },
      { state: 'readable', until },
    ],
  ])('%j by a listing', (found, archive) => {
    expect(archiveOfListed(found, classes).archive).toEqual(archive)
  })
})
