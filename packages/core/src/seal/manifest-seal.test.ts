import fc from 'fast-check'
import * as openpgp from 'openpgp'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Manifest, manifestSchema } from '../repository/manifest.js'
import { parseManifest } from '../repository/read-manifest.js'
import { canonicalJson } from './canonical-json.js'
import { checkSeal, type Sealer, type SealKeys, sealManifest } from './manifest-seal.js'
import { prepareToSeal } from './seal.js'

const hash = 'a'.repeat(64)

const manifest: Manifest = manifestSchema.parse({
  format: 'lifeboat/1',
  id: '20261121T020000Z-7f3k9q',
  product: 'shop',
  createdAt: '2026-11-21T02:00:00.000Z',
  finishedAt: '2026-11-21T02:01:00.000Z',
  reason: 'scheduled',
  labels: { Größe: 'ü"\\\n', a: '1' },
  tool: { name: 'lifeboat', version: '0.1.0' },
  source: {
    serverVersion: '15.18',
    database: 'shop',
    databaseBytes: 1,
    encoding: 'UTF8',
    extensions: [],
    pgDumpVersion: '15.18',
    snapshotCounts: { taken: true, why: null },
  },
  artifacts: [
    {
      name: 'database',
      key: 'shop/20261121T020000Z-7f3k9q/database.dump.gz.gpg',
      kind: 'database',
      storedBytes: 10,
      storedSha256: hash,
      plainBytes: 20,
      plainSha256: hash,
      codec: 'gzip',
      encryption: { kind: 'passphrase' },
    },
  ],
  tables: [{ schema: 'public', name: 'orders', rows: 7, bytes: 70, sha256: hash }],
  destinations: [{ name: 'local', outcome: 'stored' }],
  seal: null,
})

/** As a reader gets it. */
function stored(sealed: unknown): Manifest {
  return parseManifest(Buffer.from(JSON.stringify(sealed)), 'manifest.json')
}

let writer: openpgp.PrivateKey
let other: openpgp.PrivateKey
const kinds: [string, () => Sealer, () => SealKeys][] = [
  [
    'hmac',
    () => ({ kind: 'hmac', passphrase: 'secret' }),
    () => ({ expected: 'hmac', passphrase: 'secret', signers: [] }),
  ],
  [
    'signature',
    () => ({ kind: 'signature', key: writer }),
    () => ({ expected: 'signature', signers: [other.toPublic(), writer.toPublic()] }),
  ],
]

beforeAll(async () => {
  const make = async () =>
    (await openpgp.generateKey({ type: 'ecc', curve: 'curve25519Legacy', userIDs: [{ name: 'w' }], format: 'object' }))
      .privateKey
  writer = await make()
  other = await make()
})

describe.each(kinds)('a seal of kind %s', (_, sealer, keys) => {
  it('is sound after a round trip through JSON, with members of a later version', async () => {
    const later = { ...manifest, weather: { sky: 'blue', wind: null } } as Manifest
    expect(await checkSeal(stored(await sealManifest(later, sealer())), keys())).toBe('sound')
  })

  it.each([
    ['rows', { tables: [{ ...manifest.tables![0]!, rows: 8 }] }],
    ['a time', { createdAt: '2026-11-22T02:00:00.000Z' }],
    ['a hash', { artifacts: [{ ...manifest.artifacts[0]!, storedSha256: 'b'.repeat(64) }] }],
    ['a label', { labels: { ...manifest.labels, a: '2' } }],
    ['an unknown member', { weather: 'rain' }],
  ])('is wrong when %s was edited', async (_name, edit) => {
    const sealed = await sealManifest(manifest, sealer())
    expect(await checkSeal(stored({ ...sealed, ...edit }), keys())).toBe('wrong')
  })

  it('is wrong on another manifest', async () => {
    const { seal } = await sealManifest({ ...manifest, id: '20261120T020000Z-7f3k9q' }, sealer())
    expect(await checkSeal({ ...manifest, seal }, keys())).toBe('wrong')
  })
})

it('is wrong from another holder', async () => {
  const guessed = await sealManifest(manifest, { kind: 'hmac', passphrase: 'guess' })
  expect(await checkSeal(guessed, { expected: 'hmac', passphrase: 'secret', signers: [] })).toBe('wrong')
  const signed = await sealManifest(manifest, { kind: 'signature', key: other })
  const signers = [writer.toPublic()]
  expect(await checkSeal(signed, { expected: 'signature', signers })).toBe('wrong')
  const { seal } = signed
  if (seal?.kind !== 'signature') throw new Error('not signed')
  const renamed = { ...signed, seal: { ...seal, fingerprint: writer.getFingerprint() } }
  expect(await checkSeal(renamed, { expected: 'signature', signers })).toBe('wrong')
})

it('of another kind than the product uses is wrong', async () => {
  const sealed = await sealManifest(manifest, { kind: 'hmac', passphrase: 'known to the attacker' })
  expect(await checkSeal(sealed, { expected: 'signature', signers: [writer.toPublic()] })).toBe('wrong')
})

it('says where nothing can be proven', async () => {
  expect(await checkSeal(manifest, { signers: [] })).toBe('unsealed')
  const sealed = await sealManifest(manifest, { kind: 'hmac', passphrase: 'secret' })
  expect(await checkSeal(sealed, { signers: [] })).toBe('unproven')
})

describe('canonicalJson', () => {
  it('has one form: order, white space and null members do not matter', () => {
    const text = '{ "b": [1, {"z":null,"y":"ü"}], "a": {"d": 1.50, "c": true}, "e": null }'
    expect(canonicalJson(JSON.parse(text))).toBe('{"a":{"c":true,"d":1.5},"b":[1,{"y":"ü"}]}')
  })

  it('tells different values apart', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const same = canonicalJson(a) === canonicalJson(b)
        expect(canonicalJson(JSON.parse(canonicalJson(a)))).toBe(canonicalJson(a))
        if (same) expect(withoutNulls(a)).toEqual(withoutNulls(b))
      }),
    )
  })
})

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([name, member]) => [name, withoutNulls(member)]),
  )
}

describe('the seal of a passphrase', () => {
  it('is what docs/format.md says, as another program computes it: what was sealed stays provable', async () => {
    const salt = Buffer.from([...Array(16).keys()])
    const seal = await prepareToSeal({ kind: 'hmac', passphrase: 'correct horse' }, salt)(Buffer.from('what is sealed'))
    // Python's hashlib.scrypt and hmac made this.
    expect(seal).toMatchObject({ value: '06801c4bf15597f21dc31fd73afd81f187e7ea7071ba535bcf125d0ca22aab51' })
  })
})
