import { secret } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { s3 } from '../../provider-s3/src/s3-store.js'
import { supabaseStorageOptions } from '../../provider-supabase/src/storage-options.js'

const options = {
  projectRef: 'abcdefghijklmnopqrst',
  region: 'eu-central-1',
  bucket: 'recordings',
  accessKeyId: secret.env('STORAGE_KEY_ID'),
  secretAccessKey: secret.env('STORAGE_SECRET'),
}

describe('the options for a bucket of Supabase Storage', () => {
  it('are taken by s3(), which knows the service and trusts no order of its listings', () => {
    const store = s3(supabaseStorageOptions({ ...options, prefix: '2026' }))
    expect(store.location).toBe('s3://recordings/2026')
    expect(store.host).toBe('abcdefghijklmnopqrst.storage.supabase.co')
    expect(store.listsInOrder).toBe(false)
    expect(store.capabilities.conditionalPut).toBe(false)
  })

  it.each([
    ['projectRef', 'https://abc.supabase.co'],
    ['region', 'Frankfurt'],
    ['accessKeyId', 'in clear'],
    ['secretAccessKey', 'in clear'],
  ])('refuse a %s that cannot be right, without repeating it', (name, value) => {
    const making = () => supabaseStorageOptions({ ...options, [name]: value })
    expect(making).toThrow(expect.objectContaining({ code: 'config-invalid', message: expect.stringContaining(name) }))
    expect(making).not.toThrow(value)
  })
})
