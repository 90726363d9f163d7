import { existsSync, lstatSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { serverUser } from './drop-privileges.js'
import { findEmbeddedBinaries } from './find-embedded-binaries.js'
import { usableBinaries } from './usable-binaries.js'

it('copies npm binaries that the server user cannot reach and whose libraries are not linked', async () => {
  const [installed] = await findEmbeddedBinaries()
  // mkdtemp makes the folder 0700, like a home; pnpm without the install script leaves out the links.
  const home = await mkdtemp(join(tmpdir(), 'lifeboat-home-'))
  try {
    const native = join(home, 'native')
    await cp(dirname(installed!.binFolder), native, {
      recursive: true,
      verbatimSymlinks: true,
      filter: file => !lstatSync(file).isSymbolicLink() && !file.endsWith('.a'),
    })
    const moved = { ...installed!, binFolder: join(native, 'bin'), libFolder: join(native, 'lib') }
    const usable = await usableBinaries(moved, await serverUser())
    expect(usable.copyFolder).not.toBeNull()
    expect(existsSync(join(usable.copyFolder!, 'native', 'bin', 'postgres'))).toBe(true)
    expect(usable.binaries.major).toBe(installed!.major)
    await rm(usable.copyFolder!, { recursive: true })
  } finally {
    await rm(home, { recursive: true, force: true })
  }
})

it('uses binaries that work where they are', async () => {
  const [installed] = await findEmbeddedBinaries()
  expect(await usableBinaries(installed!, await serverUser())).toEqual({ binaries: installed, copyFolder: null })
})

it('says which folder does not work when there is nothing to copy', async () => {
  const broken = { binFolder: '/nowhere', libFolder: null, major: 18, version: '18.0', origin: 'configured' } as const
  await expect(usableBinaries(broken, await serverUser())).rejects.toMatchObject({
    code: 'tool-missing',
    message: expect.stringContaining('/nowhere'),
  })
})
