import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { toolVersion } from './tool-version.js'

it('is the version of the package', async () => {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  expect(toolVersion).toBe((JSON.parse(text) as { version: string }).version)
})
