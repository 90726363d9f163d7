import { expect, it } from 'vitest'
import { s3 } from './s3-store.js'

// A file of its own: the SDK warns once per process, at its first client.
it('raises no warning about the version of Node, and leaves the environment as it was', async () => {
  const before = { ...process.env }
  const warnings: string[] = []
  const listen = (warning: Error) => warnings.push(warning.message)
  process.on('warning', listen)
  const credentials = { accessKeyId: 'nobody', secretAccessKey: 'nothing' }
  const signal = AbortSignal.timeout(2000)
  await expect(
    s3({ bucket: 'backups', endpoint: 'http://127.0.0.1:1', credentials }).head('k', { signal }),
  ).rejects.toThrow()
  await new Promise(resolve => setTimeout(resolve, 20))
  process.off('warning', listen)
  expect(warnings.filter(message => message.includes('NodeVersionSupportWarning'))).toEqual([])
  expect({ ...process.env }).toEqual(before)
}, 30_000)
