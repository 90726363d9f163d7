import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BackupError, type KeyListing, type KeyProof, type Lifeboat, type RotateResult } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { runCli } from '../testing/fake-io.js'
import { sampleListed } from '../testing/samples.js'

const fingerprint = 'ab'.repeat(20)
const backup = { destination: 'local', id: '20261121T020000Z-7f3k9q', createdAt: '2026-11-21T02:00:00.000Z' }
const listing: KeyListing = {
  product: 'shop',
  keys: [
    {
      ...{
        key: fingerprint,
        kind: 'public-key',
        userIds: ['Team <team@example.org>'],
        expiresAt: null,
        unusable: null,
      },
      ...{ encrypts: ['local'], opens: [backup], misses: [], proved: { ...backup, at: backup.createdAt, by: 'drill' } },
    },
  ],
  findings: [
    {
      ...{ severity: 'warning', code: 'key-unproved', subject: fingerprint, since: null },
      ...{ message: 'nobody has shown yet that the key opens a backup', hint: 'prove it' },
    },
  ],
  unread: [],
}
const proof: KeyProof = {
  record: {
    ...{ kind: 'key-proof', product: 'shop', id: backup.id, destination: 'local', at: backup.createdAt },
    ...{ backupCreatedAt: backup.createdAt, manifestSha256: 'a'.repeat(64), fingerprint, extent: 'front' },
    userIds: ['Team <team@example.org>'],
    artifacts: [{ name: 'database', storedSha256: 'a'.repeat(64), plainBytes: 2048 }],
  },
  recordedAs: 'shop/key-proofs/x.json',
}
const rotation: RotateResult = {
  ...{ product: 'shop', id: backup.id, destination: 'local', outcome: 'rotated', verified: 'content' },
  ...{ rotated: { id: '20261121T020000Z-8f3k9q', destination: 'local' }, removedOld: false, kept: null },
}

describe('keys generate', { timeout: 30_000 }, () => {
  it('writes pairs, private halves for their owner only, and says what to take off this machine', async () => {
    const ran = await runCli(['keys', 'generate', '--json'], { config: null }, async cwd => {
      for (const pair of ['team', 'recovery', 'signing']) {
        expect((await stat(join(cwd, `keys/${pair}-private.asc`))).mode & 0o777).toBe(0o600)
        expect(await readFile(join(cwd, `keys/${pair}.asc`), 'utf8')).toContain('BEGIN PGP PUBLIC KEY BLOCK')
      }
      expect(await readFile(join(cwd, 'keys/recovery-private.asc'), 'utf8')).toContain('Comment: Private recovery key')
    })
    expect(ran.status).toBe(0)
    expect(ran.json()).toMatchObject({
      keys: ['team', 'recovery', 'signing'].map(pair => ({ pair, locked: false })),
    })
    const read = await runCli(['keys', 'generate', 'recovery', '--recovery-file', 'stick/recovery.asc'], {
      config: null,
    })
    expect(read.stdout).toMatch(/Take the private half off this machine:[\s\S]*stick\/recovery\.asc/)
    expect(ran.stdout + read.stdout + read.stderr).not.toContain('BEGIN PGP')
  })

  it('says what is wrong with an address, or a folder that is none, and writes nothing', async () => {
    const none = { config: null }
    const address = await runCli(['keys', 'generate', '--email', 'nonsense'], none)
    expect([address.status, address.stderr]).toEqual([2, expect.stringContaining('no key can be made for')])
    const folder = await runCli(['keys', 'generate', '--folder', '/dev/null/keys'], none)
    expect([folder.status, folder.stderr]).toEqual([2, expect.stringContaining('cannot write /dev/null/keys/')])
  })

  it('locks them with what is typed twice, or what the environment says, which nothing shows', async () => {
    const answers = ['typed by hand', 'typed by hand']
    const prompts = { confirm: async () => true, text: async () => '', secret: async () => answers.shift() }
    const env = { LIFEBOAT_PRIVATE_KEY_PASSPHRASE: 'from the environment' }
    const ran = await runCli(['keys', 'generate', '--json'], { config: null, terminal: true, prompts, env })
    expect(ran.json()).toMatchObject({ keys: [{ locked: true }, { locked: true }, { locked: false }] })
    expect(ran.stdout + ran.stderr).not.toMatch(/typed by hand|from the environment/)
    answers.push('one', 'another')
    let left = true
    const differ = await runCli(['keys', 'generate'], { config: null, terminal: true, prompts }, async cwd => {
      left = await stat(join(cwd, 'keys')).then(
        () => true,
        () => false,
      )
    })
    expect([differ.status, left]).toEqual([2, false])
  })
})

describe('keys list', () => {
  it('shows whose key opens what, when that was proved, and what is wrong', async () => {
    const { status, stdout } = await runCli(['keys', 'list'], { lifeboat: { listKeys: async () => listing } })
    expect(status).toBe(0)
    expect(stdout).toContain(`${fingerprint}  Team <team@example.org>`)
    expect(stdout).toContain('proved        2026-11-21 02:00:00Z on local: 20261121T020000Z-7f3k9q (drill)')
    expect(stdout).toContain('warning: nobody has shown yet')
  })

  it('ends with 4 when a key has expired, and with 3 when a destination did not answer', async () => {
    const [finding] = listing.findings
    const expired = { ...listing, findings: [{ ...finding!, severity: 'critical' as const }] }
    const unread = { ...listing, unread: [{ destination: 'offsite', message: 'it does not answer' }] }
    for (const [one, status] of [[expired, 4] as const, [unread, 3] as const])
      expect((await runCli(['keys', 'list'], { lifeboat: { listKeys: async () => one } })).status).toBe(status)
  })
})

describe('keys prove', () => {
  it('takes a product for its latest, and asks for the passphrase of a locked key', async () => {
    const asked: unknown[] = []
    const proveKey: Lifeboat['proveKey'] = async (name, options) => {
      const passphrase = options?.key?.privateKeyPassphrase?.read()
      asked.push([name, passphrase])
      if (passphrase === undefined) throw new BackupError('key-missing', 'the private key k.asc is locked')
      return proof
    }
    const prompts = { confirm: async () => true, text: async () => '', secret: async () => 'typed' }
    const argv = ['keys', 'prove', 'shop', '--key', 'k.asc']
    const ran = await runCli(argv, { lifeboat: { proveKey }, terminal: true, prompts })
    expect(asked).toEqual([
      ['shop/latest', undefined],
      ['shop/latest', 'typed'],
    ])
    expect(ran.status).toBe(0)
    expect(ran.stdout).toMatch(
      /opens.* shop\/20261121T020000Z-7f3k9q of 2026-11-21 02:00:00Z in local: the first 2\.0 kB read/,
    )
    expect((await runCli(argv, { lifeboat: { proveKey } })).status).toBe(12)
  })
})

describe('keys rotate', () => {
  it('takes every backup of a product in every destination; one that fails does not stop the next', async () => {
    const backups = ['local', 'offsite'].map(destination => ({ ...sampleListed, destination }))
    const rotate: Lifeboat['rotate'] = async (name, options) => {
      if (options?.destination === 'offsite') throw new BackupError('seal-wrong', `the manifest of ${name} is not ours`)
      return { ...rotation, verified: 'stored' }
    }
    const list: Lifeboat['list'] = async () => ({ backups, unreadable: [] })
    const lifeboat = { list, rotate, objectSets: () => [] }
    const ran = await runCli(['keys', 'rotate', 'shop'], { lifeboat })
    expect(ran.status).toBe(3)
    expect(ran.stdout).toContain('encrypted anew as 20261121T020000Z-8f3k9q in local')
    expect(ran.stdout).toContain('lifeboat verify shop/20261121T020000Z-8f3k9q')
    expect(ran.stderr).toContain('is not ours')
  })

  it('asks for all that lies in an archive before it waits for any of it', async () => {
    const asked: unknown[] = []
    const backups = ['local', 'offsite'].map(destination => ({ ...sampleListed, destination }))
    const rotate: Lifeboat['rotate'] = async (_, options) => {
      asked.push([options?.destination, options?.retrieve])
      if (options?.retrieve?.waitMs === undefined) throw new BackupError('object-archived', 'it lies in an archive')
      return rotation
    }
    const list: Lifeboat['list'] = async () => ({ backups, unreadable: [] })
    const lifeboat = { list, rotate, objectSets: () => [] }
    const argv = ['keys', 'rotate', 'shop', '--retrieval-tier', 'bulk']
    expect((await runCli([...argv, '--wait', '2h'], { lifeboat })).status).toBe(0)
    const [asking, waiting] = [{ tier: 'bulk' }, { tier: 'bulk', waitMs: 7_200_000 }]
    expect(asked).toEqual([
      ['local', asking],
      ['offsite', asking],
      ['local', waiting],
      ['offsite', waiting],
    ])
    asked.length = 0
    expect((await runCli(argv, { lifeboat })).status).toBe(13)
    expect(asked).toHaveLength(2)
  })

  it('reaches snapshots of objects, says beforehand what it would do, and what failed for one', async () => {
    const asked: unknown[] = []
    const blank = { rotated: null, verified: null, removedOld: false, kept: null, error: null }
    const of = { ...blank, id: backup.id, objects: 3, plainBytes: 4096 }
    const rotateObjects: Lifeboat['rotateObjects'] = async (product, set, options) => {
      asked.push([product, set, options?.apply, options?.removeOld])
      const error = { code: 'wrong-key', message: 'no key at hand opens it', hint: 'name it: --key' }
      const outcome = options?.apply ? ('failed' as const) : ('due' as const)
      const snapshots = [{ ...of, outcome, error: options?.apply ? error : null }]
      const freed = { count: 0, storedBytes: 0 }
      return [{ product, set, destination: 'local', applied: options?.apply ?? false, snapshots, freed }]
    }
    const list: Lifeboat['list'] = async () => ({ backups: [sampleListed], unreadable: [] })
    const rotate: Lifeboat['rotate'] = async () => ({ ...rotation, outcome: 'due', rotated: null, verified: null })
    const lifeboat = { list, rotate, rotateObjects, objectSets: () => ['uploads'] }
    const planned = await runCli(['keys', 'rotate', 'shop', '--dry-run'], { lifeboat })
    expect(planned.status).toBe(0)
    expect(planned.stdout.match(/would be encrypted anew/g)).toHaveLength(2)
    const ran = await runCli(['keys', 'rotate', 'shop', '--objects', 'uploads', '--remove-old'], { lifeboat })
    expect(ran.status).toBe(12)
    expect(ran.stdout).toContain('shop/uploads/20261121T020000Z-7f3k9q in local: not encrypted anew: no key at hand')
    expect(asked).toEqual([
      ['shop', 'uploads', false, undefined],
      ['shop', 'uploads', true, true],
    ])
    const kept = { ...of, outcome: 'present' as const, rotated: '20261121T020000Z-8f3k9q', kept: 'nobody has read it' }
    const gone = { ...kept, removedOld: true, kept: null }
    const again: Lifeboat['rotateObjects'] = async (product, set) => {
      const freed = { count: 0, storedBytes: 0 }
      return [{ product, set, destination: 'local', applied: true, snapshots: [kept, gone], freed }]
    }
    const argv = ['keys', 'rotate', 'shop', '--objects', 'uploads', '--remove-old']
    const left = await runCli(argv, { lifeboat: { ...lifeboat, rotateObjects: again } })
    expect(left.status).toBe(3)
    expect(left.stdout).toMatch(/before, as \S+; the old one is still there: nobody has read it\n/)
    expect(left.stdout).toMatch(/before, as \S+; the old one is removed, its content goes/)
    const both = await runCli(['keys', 'rotate', 'shop', '--objects', '--to', 'offsite'], { lifeboat })
    expect(both.status).toBe(2)
  })
})
