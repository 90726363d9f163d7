import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { resolveConfig } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../load-config.js'
import { runCli } from '../testing/fake-io.js'

const nothing = { config: null }

describe('init', { timeout: 30_000 }, () => {
  it.each(['ts', 'mjs'])('writes a lifeboat.config.%s that loads and is valid', async format => {
    const argv = ['init', '--format', format, '--product', 'my-shop', '--folder', "./o'clock"]
    const ran = await runCli(argv, nothing, async cwd => {
      const { config } = await loadConfig(join(cwd, `lifeboat.config.${format}`))
      const product = resolveConfig(config).products['my-shop']
      expect(product?.destinations.local?.retention.minimum).toBe(3)
      expect(String(product?.source.url)).toContain('DATABASE_URL')
    })
    expect(ran.status).toBe(0)
    expect(ran.stdout).toContain('lifeboat doctor')
  })

  it('makes keys whose private halves only their owner reads', async () => {
    const ran = await runCli(['init', '--keys', '--json'], nothing, async cwd => {
      for (const name of ['private', 'signing']) {
        const file = join(cwd, `keys/lifeboat-${name}.asc`)
        expect((await stat(file)).mode & 0o777).toBe(0o600)
        expect(await readFile(file, 'utf8')).toContain('BEGIN PGP PRIVATE KEY BLOCK')
      }
      for (const name of ['public', 'signer'])
        expect(await readFile(join(cwd, `keys/lifeboat-${name}.asc`), 'utf8')).toContain('BEGIN PGP PUBLIC KEY BLOCK')
      const { config } = await loadConfig(join(cwd, 'lifeboat.config.ts'))
      expect(resolveConfig(config).products.app?.encryption).toMatchObject({
        privateKey: 'keys/lifeboat-private.asc',
        signingKey: 'keys/lifeboat-signing.asc',
        signers: ['keys/lifeboat-signer.asc'],
      })
    })
    expect(ran.status).toBe(0)
    expect(ran.json()).toMatchObject({ keys: { fingerprint: expect.stringMatching(/^[0-9a-f]{40}$/) } })
    expect(ran.stdout + ran.stderr).not.toContain('BEGIN PGP')
  })

  it('does not replace a configuration unless --force says so', async () => {
    const refused = await runCli(['init', '--format', 'mjs'])
    expect(refused.status).toBe(2)
    expect(refused.stderr).toMatch(/exists already\nhint: add --force/)
    // The one that is there would be shadowed.
    const beside = await runCli(['init', '--format', 'ts'])
    expect(beside.status).toBe(2)
    expect(beside.stderr).toMatch(/lifeboat\.config\.mjs exists already\nhint: of several only one is read/)
    expect((await runCli(['init', '--format', 'mjs', '--force'])).status).toBe(0)
  })
})
