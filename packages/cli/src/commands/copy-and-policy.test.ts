import { BackupError, type CopyOptions, type DestinationPolicy, type VerifyOptions } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { runCli } from '../testing/fake-io.js'
import { sampleBackup, sampleManifest, sampleReport } from '../testing/samples.js'

const { id } = sampleManifest
const copied = {
  ...{ product: 'shop', id, from: 'local', to: 'archive', location: 's3://shop-archive', outcome: 'copied' as const },
  ...{ manifest: sampleManifest, storedBytes: 12_000_000, durationMs: 2000 },
}

describe('lifeboat copy', () => {
  it('says what was copied from where to where', async () => {
    const asked: CopyOptions[] = []
    const copy = async (_: string, options: CopyOptions) => {
      asked.push(options)
      return copied
    }
    const ran = await runCli(['copy', 'shop/latest', '--to', 'archive', '--from', 'local'], { lifeboat: { copy } })
    expect([ran.status, ran.stdout]).toEqual([
      0,
      `shop/${id}: copied from local to archive (s3://shop-archive), 11.4 MB in 2.0 s\n`,
    ])
    expect(asked).toMatchObject([{ to: 'archive', from: 'local', retrieve: undefined }])
  })

  it('says so when it was there already, and carries the result with --json', async () => {
    const copy = async () => ({ ...copied, outcome: 'present' as const })
    const ran = await runCli(['copy', 'latest', '--to', 'archive'], { lifeboat: { copy } })
    expect(ran.stdout).toBe(`shop/${id} is at archive already (s3://shop-archive); nothing was written\n`)
    const json = await runCli(['copy', 'latest', '--to', 'archive', '--json'], { lifeboat: { copy } })
    expect(json.json()).toMatchObject({ outcome: 'present', to: 'archive', id })
  })

  it('needs --to', async () => {
    expect((await runCli(['copy', 'latest'])).status).toBe(2)
  })
})

describe('a backup in an archive', () => {
  it('ends a copy with 13 and the time to come back, and is asked for with --retrieve', async () => {
    const asked: CopyOptions[] = []
    const copy = async (_: string, options: CopyOptions): Promise<never> => {
      asked.push(options)
      throw new BackupError('object-archived', 'x.gpg is being retrieved from DEEP_ARCHIVE', {
        hint: 'come back after 2026-11-26 04:00 UTC and run the same again',
      })
    }
    const argv = ['copy', 'latest', '--to', 'local', '--retrieve', '--retrieval-tier', 'bulk', '--wait', '12h']
    const ran = await runCli(argv, { lifeboat: { copy } })
    expect(ran.status).toBe(13)
    expect(ran.stderr).toContain('hint: come back after 2026-11-26 04:00 UTC')
    expect(asked[0]?.retrieve).toEqual({ tier: 'bulk', waitMs: 12 * 3_600_000 })
    expect((await runCli(['copy', 'latest', '--to', 'local', '--wait', 'soon'], { lifeboat: { copy } })).status).toBe(2)
  })

  it('fails a verification of it by name with 13, and the nightly look at everything not at all', async () => {
    const unread = {
      ...{ severity: 'warning' as const, code: 'artifact-archived', message: 'x.gpg lies in DEEP_ARCHIVE', hint: null },
    }
    const verify = async (_: string, __?: VerifyOptions) => sampleReport([unread])
    const named = await runCli(['verify', 'shop/latest'], { lifeboat: { verify } })
    expect(named.status).toBe(13)
    const nightly = await runCli(['verify', '--no-notify'], { lifeboat: { verify } })
    expect(nightly.status).toBe(0)
    expect(nightly.stdout).toContain('x.gpg lies in DEEP_ARCHIVE')
  })
})

describe('lifeboat policy', () => {
  const document = { Version: '2012-10-17', Statement: [] }
  const one = (destination: string, policy: DestinationPolicy['policy']): DestinationPolicy => ({
    ...{ product: 'shop', destination, location: `s3://${destination}`, role: 'writer', policy },
  })
  const run = (found: DestinationPolicy[], ...more: string[]) =>
    runCli(['policy', 'shop', '--for', 'writer', ...more], { lifeboat: { policies: async () => found } })

  it('prints the document alone, to be redirected; what it cannot say is a warning', async () => {
    const ran = await run([one('local', null), one('offsite', { document, notes: ['turn on versioning'] })])
    expect([ran.status, JSON.parse(ran.stdout)]).toEqual([0, document])
    expect(ran.stderr).toContain('warning: offsite: turn on versioning')
  })

  it('asks which, where several have policies; with --json it prints all', async () => {
    const both = [one('offsite', { document, notes: [] }), one('archive', { document, notes: [] })]
    const ran = await run(both)
    expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining('--destination: offsite, archive')])
    expect((await run(both, '--json')).json()).toMatchObject({
      policies: [{ destination: 'offsite', document }, { destination: 'archive' }],
    })
  })

  it('says that a folder has none, and knows three roles', async () => {
    const ran = await run([one('local', null)])
    expect([ran.status, ran.stderr]).toEqual([2, expect.stringContaining('no policies there: local')])
    expect((await runCli(['policy', 'shop', '--for', 'owner'])).status).toBe(2)
  })
})

describe('a destination that is not due', () => {
  it('is said with what it has and when it takes the next', async () => {
    const result = sampleBackup()
    const turn = { has: '20261101T020000Z-aaaaaa', next: '2026-12-01T00:00:00.000Z' }
    const waiting = {
      ...{ destination: 'archive', location: 's3://shop-archive', outcome: 'not-due' as const, turn, error: null },
    }
    const backup = async () => ({ ...result, destinations: [...result.destinations, waiting] })
    const ran = await runCli(['backup', '--no-notify', '--to', 'archive', '--to', 'local'], { lifeboat: { backup } })
    expect(ran.status).toBe(0)
    expect(ran.stdout).toContain(
      'archive  not due: it has 20261101T020000Z-aaaaaa, and takes the first one after 2026-12-01 00:00:00Z',
    )
  })
})
