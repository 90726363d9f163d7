import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { fuzz, mutateBytes, mutateValue, shareOf } from '../../../testkit/src/fuzz.js'
import type { Manifest } from '../repository/manifest.js'
import { parseManifest } from '../repository/read-manifest.js'
import { canonicalJson } from '../seal/canonical-json.js'
import { type Keys, type Layers, makeKeys, manifestOf, verifyContent, wrap } from './sealed-backup.js'

const key = 'shop/20261121T020000Z-7f3k9q/manifest.json'

describe('a mutated manifest', () => {
  let keys: Keys
  let layers: Layers
  let manifest: Manifest
  let text: Buffer

  beforeAll(async () => {
    keys = await makeKeys()
    layers = await wrap(readFileSync(new URL('../archive/testdata/pg17.dump', import.meta.url)), 'gzip', keys)
    manifest = await manifestOf(layers, 'gzip', keys)
    text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)
  })

  it('is read or refused, and never verifies when it says anything else', async () => {
    const { succeeded, failed } = await fuzz(shareOf(0.15), async draw => {
      const bytes =
        draw.below(2) === 0 ? mutateBytes(text, draw) : Buffer.from(JSON.stringify(mutateValue(manifest, draw)) ?? '')
      const read = parseManifest(bytes, key)
      // As the reader of a configured destination does.
      if (read.product !== manifest.product || read.id !== manifest.id) return
      const report = await verifyContent(read, layers.stored, keys)
      if (report.ok && canonicalJson(read) !== canonicalJson(manifest)) throw new Error('it verified')
    })
    expect([...failed.keys()]).toEqual(['manifest-invalid'])
    expect(succeeded).toBeGreaterThan(0)
  })

  it('that would unfold to more than memory holds is refused before it does', () => {
    const huge = [
      `{"format":"lifeboat/1","x":${'['.repeat(1_000_000)}`,
      `{"format":"lifeboat/1","x":[${'{},'.repeat(4_000_000)}{}]}`,
      ' '.repeat(2 ** 26 + 1),
    ]
    for (const one of huge) {
      expect(() => parseManifest(Buffer.from(one), key)).toThrow(
        expect.objectContaining({ code: 'manifest-invalid', message: expect.stringMatching(/too (deep|many|large)/) }),
      )
    }
  })
})
