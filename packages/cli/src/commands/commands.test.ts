import { BackupError, type Lifeboat, type SweepResult } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { exitStatus } from '../exit-status.js'
import { runCli } from '../testing/fake-io.js'
import {
  sampleBackup,
  sampleListed,
  sampleManifest,
  samplePrune,
  sampleReport,
  sampleSweep,
} from '../testing/samples.js'

const escapes = new RegExp(String.fromCharCode(27))

describe('backup', () => {
  it('backs up every product and says where each copy is', async () => {
    const asked: unknown[] = []
    const backup: Lifeboat['backup'] = async (product, options) => {
      asked.push([product, options?.reason, options?.labels])
      return sampleBackup('complete', product)
    }
    const argv = ['backup', '--reason', 'pre-deploy', '--label', 'a=1', '--label', 'b=x=y']
    const { status, stdout } = await runCli(argv, { lifeboat: { products: ['shop', 'blog'], backup } })
    expect(status).toBe(0)
    expect(asked).toEqual(['shop', 'blog'].map(product => [product, 'pre-deploy', { a: '1', b: 'x=y' }]))
    expect(stdout).toContain(
      'shop/20261121T020000Z-7f3k9q: complete in 12.3 s, 1 table, 1,234 rows, 32.4 MB stored as 11.4 MB',
    )
    expect(stdout).toContain('  local  stored at /backups')
  })

  it('ends with status 3 when a destination failed, and says why', async () => {
    const { status, stdout } = await runCli(['backup'], { lifeboat: { backup: async () => sampleBackup('partial') } })
    expect(status).toBe(3)
    expect(stdout).toMatch(/offsite {2}failed: the bucket does not answer\n +hint: check the network/)
  })

  const oneFails: Lifeboat['backup'] = async product => {
    if (product === 'shop') throw new BackupError('locked', 'another run holds the lock')
    return sampleBackup('complete', product)
  }

  it('goes on after a product that failed, and ends with status 3', async () => {
    const ran = await runCli(['backup', '--json'], { lifeboat: { products: ['shop', 'blog'], backup: oneFails } })
    expect(ran.status).toBe(3)
    expect(ran.stderr).toContain('error: shop: another run holds the lock')
    const error = { code: 'locked', message: 'another run holds the lock', hint: null }
    expect(ran.json()).toMatchObject({
      status: 'partial',
      backups: [{ product: 'blog' }],
      failures: [{ product: 'shop', error }],
    })
    expect(ran.json()).not.toHaveProperty('error')
  })

  it('ends with the status of the error when nothing was done', async () => {
    const ran = await runCli(['backup', 'shop', '--json'], {
      lifeboat: { products: ['shop', 'blog'], backup: oneFails },
    })
    expect(ran.status).toBe(11)
    expect(ran.json()).toMatchObject({ error: { code: 'locked' }, status: 'failed', backups: [] })
  })

  it('talks on stderr, and with --quiet says warnings only', async () => {
    const backup: Lifeboat['backup'] = async (product, options) => {
      options?.onEvent?.({ type: 'backup.started', product, id: 'x', expectedBytes: 1 })
      options?.onEvent?.({ type: 'stage.progressed', stage: 'dump', doneBytes: 1, totalBytes: 2 })
      options?.onEvent?.({ type: 'warning.raised', message: 'careful\u001b[31m' })
      return sampleBackup()
    }
    const loud = await runCli(['backup'], { lifeboat: { backup } })
    expect(loud.stderr).toBe('shop: backup x started\nwarning: careful [31m\n')
    const quiet = await runCli(['backup', '--quiet'], { lifeboat: { backup } })
    expect(quiet.stderr).toBe('warning: careful [31m\n')
    expect(quiet.stdout).toBe(loud.stdout)
  })
})

describe('backup --prove', () => {
  const archived = {
    ...({ severity: 'warning', code: 'artifact-archived', message: 'its bytes were not read', hint: null } as const),
  }
  const taken = (names: readonly string[]): Lifeboat['backup'] => {
    return async () => {
      const done = sampleBackup()
      return { ...done, destinations: names.map(destination => ({ ...done.destinations[0]!, destination })) }
    }
  }
  const verify = (async (_, options) =>
    options?.destination === 'archive'
      ? { ...sampleReport([archived]), destination: 'archive', level: 'listed', tables: null, rows: null }
      : sampleReport()) as Lifeboat['verify']

  it('proves nothing where the backup went into an archive only', async () => {
    const ran = await runCli(['backup', 'shop', '--prove'], { lifeboat: { backup: taken(['archive']), verify } })
    expect(ran.status).toBe(exitStatus.archived)
    expect(ran.stdout).toContain('not proven shop/20261121T020000Z-7f3k9q at archive: its bytes were not read')
  })

  it('needs no more than the other destinations where they have it, and says what was not read', async () => {
    const lifeboat = { backup: taken(['local', 'archive']), verify }
    const ran = await runCli(['backup', 'shop', '--prove', '--json'], { lifeboat })
    expect(ran.status).toBe(0)
    expect(ran.json().proofs).toMatchObject([
      { destination: 'local', ok: true },
      { destination: 'archive', ok: false, message: 'its bytes were not read' },
    ])
  })
})

describe('list', () => {
  const list = async () => ({
    backups: [sampleListed],
    unreadable: [{ product: 'shop', destination: 'local', key: 'shop/x/manifest.json', message: 'not JSON' }],
  })

  it('prints a table, and a warning for what cannot be read', async () => {
    const { status, stdout, stderr } = await runCli(['list'], { lifeboat: { list } })
    expect(status).toBe(0)
    expect(stderr).toBe('warning: unreadable: shop at local: shop/x/manifest.json: not JSON\n')
    expect(stdout.split('\n').map(line => line.replace(/ {2,}/g, ' | '))).toEqual([
      'PRODUCT | ID | CREATED | AGE | DESTINATION | ROWS | SIZE | REASON',
      'shop | 20261121T020000Z-7f3k9q | 2026-11-21 02:00:00Z | 10 h | local | 1,234 | 11.4 MB | nightly',
      '',
    ])
  })

  it('with --json prints one document', async () => {
    const ran = await runCli(['list', '--json'], { lifeboat: { list } })
    expect(ran.json()).toEqual({
      backups: [
        {
          ...{ product: 'shop', id: sampleListed.id, destination: 'local', location: '/backups' },
          ...{ createdAt: sampleManifest.createdAt, finishedAt: sampleManifest.finishedAt },
          ...{
            reason: 'nightly',
            labels: { commit: '4f2a1c9' },
            tables: 1,
            rows: 1234,
            plainBytes: 34_000_000,
            storedBytes: 12_000_000,
          },
        },
      ],
      unreadable: [{ product: 'shop', destination: 'local', key: 'shop/x/manifest.json', message: 'not JSON' }],
    })
  })

  it('has colours on a terminal only, and not with --no-color or NO_COLOR', async () => {
    const world = { lifeboat: { list }, terminal: true }
    expect((await runCli(['list'], world)).stdout).toMatch(escapes)
    expect((await runCli(['list', '--no-color'], world)).stdout).not.toMatch(escapes)
    expect((await runCli(['list'], { ...world, env: { NO_COLOR: '1' } })).stdout).not.toMatch(escapes)
    const piped = await runCli(['list'], { lifeboat: { list } })
    expect(piped.stdout + piped.stderr).not.toMatch(escapes)
  })
})

describe('show', () => {
  it('prints what the manifest says', async () => {
    const { status, stdout } = await runCli(['show', 'latest'], { lifeboat: { show: async () => sampleListed } })
    expect(status).toBe(0)
    for (const part of [
      'shop/20261121T020000Z-7f3k9q',
      'commit=4f2a1c9',
      'Postgres 17.2',
      'public.orders',
      'a passphrase',
      'IN IT\n  database  2 tables, 1,234 rows\nNOT IN IT\n  objects in buckets: they are copied apart',
    ]) {
      expect(stdout).toContain(part)
    }
  })

  it('with --json prints the manifest', async () => {
    const ran = await runCli(['show', 'latest', '--json'], { lifeboat: { show: async () => sampleListed } })
    expect(ran.json()).toEqual({ ...sampleListed })
  })
})

describe('verify', () => {
  const finding = (code: string) => ({
    severity: 'critical' as const,
    code,
    message: 'it is bad',
    hint: 'take another',
  })

  it('checks the latest of every product in each destination by default', async () => {
    const asked: unknown[] = []
    const verify: Lifeboat['verify'] = async (name, options) => {
      asked.push([name, options?.destination, options?.level])
      return sampleReport()
    }
    const destinations = (product: string) => (product === 'shop' ? ['local', 'offsite'] : ['local'])
    const lifeboat = { products: ['shop', 'blog'], destinations, verify }
    const { status, stdout } = await runCli(['verify'], { lifeboat })
    expect(status).toBe(0)
    expect(asked).toEqual([
      ['shop/latest', 'local', 'content'],
      ['shop/latest', 'offsite', 'content'],
      ['blog/latest', 'local', 'content'],
    ])
    expect(stdout).toContain('at local: ok (level content, 1 table, 1,234 rows, 11.4 MB read in 0.8 s)')
    asked.length = 0
    await runCli(['verify', '--destination', 'offsite', '--level', 'stored'], {
      lifeboat: { ...lifeboat, products: ['shop'] },
    })
    expect(asked).toEqual([['shop/latest', 'offsite', 'stored']])
  })

  it.each([
    [['artifact-checksum'], 4],
    [['wrong-key'], 12],
    [['key-missing'], 12],
    [['wrong-key', 'artifact-length'], 4],
  ])('with %j ends with status %i and shows each finding with its hint', async (codes, expected) => {
    const verify = async () => sampleReport(codes.map(finding))
    const { status, stdout } = await runCli(['verify', 'latest'], { lifeboat: { verify } })
    expect(status).toBe(expected)
    for (const code of codes) expect(stdout).toMatch(new RegExp(`critical {2}${code}: it is bad\n +hint: take another`))
  })

  it('goes on after a product that has no backup, and ends with status 10', async () => {
    const verify: Lifeboat['verify'] = async name => {
      if (name === 'shop/latest') throw new BackupError('backup-missing', 'there is no backup shop/latest')
      return sampleReport([], 'blog')
    }
    const ran = await runCli(['verify', '--json'], { lifeboat: { products: ['shop', 'blog'], verify } })
    expect(ran.status).toBe(10)
    expect(ran.json()).toMatchObject({
      ok: false,
      reports: [{ product: 'blog' }],
      failures: [{ backup: 'shop/latest' }],
    })
  })
})

describe('prune', () => {
  it('is a dry run that shows what it would remove and why', async () => {
    const asked: unknown[] = []
    const prune: Lifeboat['prune'] = async (_product, options) => {
      asked.push(options?.apply)
      return [samplePrune()]
    }
    const { status, stdout } = await runCli(['prune'], { lifeboat: { prune } })
    expect({ status, asked }).toEqual({ status: 0, asked: [false] })
    expect(stdout).toMatch(
      /keep 1, would remove 1\n {2}keep .*newest verified\n {2}would go .*no rule keeps it\nnothing was removed/,
    )
  })

  it('ends with status 3 when the store kept something', async () => {
    const retained = [{ id: '20260101T020000Z-aaaaaa', message: 'locked until 2027' }]
    const prune = async () => [samplePrune({ applied: true, retained })]
    const { status, stdout } = await runCli(['prune', '--apply'], { lifeboat: { prune } })
    expect(status).toBe(3)
    expect(stdout).toContain('retained  20260101T020000Z-aaaaaa: locked until 2027')
  })
})

describe('sweep', () => {
  const garbage: SweepResult['garbage'] = [
    {
      kind: 'artifact-without-manifest',
      key: 'shop/20260101T020000Z-aaaaaa/database.dump.gz.gpg',
      sizeBytes: 12_000_000,
      since: '2026-01-01T02:00:00.000Z',
    },
  ]

  it('is a dry run that shows what was left behind', async () => {
    const asked: unknown[] = []
    const sweep: Lifeboat['sweep'] = async (_product, options) => {
      asked.push(options?.apply)
      return [sampleSweep({ garbage })]
    }
    const { status, stdout } = await runCli(['sweep'], { lifeboat: { sweep } })
    expect({ status, asked }).toEqual({ status: 0, asked: [false] })
    expect(stdout).toMatch(
      /1 left behind by crashed runs\n {2}artifact-without-manifest .*11.4 MB.*\nnothing was removed/,
    )
  })

  it('ends with status 3 when the store kept something, also at the end of a prune', async () => {
    const left = sampleSweep({ applied: true, garbage, retained: [{ key: garbage[0]!.key, message: 'locked' }] })
    const swept = await runCli(['sweep', '--apply'], { lifeboat: { sweep: async () => [left] } })
    expect(swept.status).toBe(3)
    const pruned = await runCli(['prune', '--apply'], {
      lifeboat: { prune: async () => [samplePrune({ sweep: left })] },
    })
    expect(pruned.status).toBe(3)
    expect(pruned.stdout).toContain('retained')
  })
})

describe('doctor', () => {
  it('ends with status 4 when a check failed, and shows its hint', async () => {
    const doctor = async () => [
      { product: 'shop', area: 'tools', ok: true, message: 'pg_dump 17.2', hint: null },
      { product: 'shop', area: 'store', ok: false, message: 'local cannot be written to', hint: 'chmod it' },
    ]
    const { status, stdout } = await runCli(['doctor'], { lifeboat: { doctor } })
    expect(status).toBe(4)
    expect(stdout).toBe(
      'ok      shop tools: pg_dump 17.2\nFAILED  shop store: local cannot be written to\n        hint: chmod it\n1 of 2 checks failed\n',
    )
  })
})

describe('run --job', () => {
  it('that is cancelled between two jobs is no success: the second was never begun', async () => {
    let interrupt = () => {}
    const begun: string[] = []
    const runJob: Lifeboat['runJob'] = async (product, job) => {
      begun.push(job)
      interrupt()
      const at = { startedAt: '2026-11-21T12:00:00.000Z', finishedAt: '2026-11-21T12:00:01.000Z' }
      return { product, job, ...at, result: 'ok', destinations: null, live: false, failures: [], summary: 'done' }
    }
    const onStart = (send: () => void) => {
      interrupt = send
    }
    const ran = await runCli(['run', 'shop', '--job', 'backup', '--job', 'verify'], { lifeboat: { runJob }, onStart })
    expect([begun, ran.status]).toEqual([['backup'], exitStatus.cancelled])
  })
})
