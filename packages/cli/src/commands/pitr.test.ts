import { BackupError, type ProviderListing, type Recovered, type RecoveryPlan } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { runCli } from '../testing/fake-io.js'
import { samplePlan } from '../testing/samples.js'

const plan: RecoveryPlan = {
  ...{ provider: 'supabase', id: '1', kind: 'instant', to: '2026-11-21T11:58:00.000Z', place: 'in-place', cost: null },
  ...{
    target: 'project abcdefghijklmnopqrst',
    confirmation: 'abcdefghijklmnopqrst',
    warnings: ['it is down'],
    details: {},
  },
}
const recovered: Recovered = {
  operation: { plan, begunAt: '2026-11-21T12:00:00.000Z', details: {} },
  ...{ durationMs: 61_000, notes: ['all services are healthy'], instance: null },
}

function world(answers: { typed?: string } = {}) {
  const sent: RecoveryPlan[] = []
  const goals: unknown[] = []
  return {
    sent,
    goals,
    lifeboat: {
      planRecovery: async (_product: string, goal: unknown) => {
        goals.push(goal)
        return plan
      },
      recover: async (_product: string, given: RecoveryPlan) => {
        sent.push(given)
        return recovered
      },
    },
    ...(answers.typed === undefined
      ? {}
      : {
          terminal: true,
          prompts: { confirm: async () => true, text: async () => answers.typed, secret: async () => undefined },
        }),
  }
}

describe('pitr restore', () => {
  it('shows the plan, takes the typed ref, and says what became of it', async () => {
    const given = world({ typed: 'abcdefghijklmnopqrst' })
    const ran = await runCli(['pitr', 'restore', 'shop', '--at', '2026-11-21T11:58:00Z'], given)
    expect(ran.status).toBe(0)
    expect(given.goals).toEqual([{ at: new Date('2026-11-21T11:58:00Z') }])
    expect(ran.stderr).toContain('the live data is replaced')
    expect(ran.stderr).toContain('it is down')
    expect(ran.stdout).toContain('project abcdefghijklmnopqrst to 2026-11-21T11:58:00.000Z')
    expect(given.sent).toEqual([plan])
  })

  it('sends nothing when another word is typed', async () => {
    const given = world({ typed: 'yes' })
    expect((await runCli(['pitr', 'restore', 'shop', '--at', '2026-11-21T11:58:00Z'], given)).status).toBe(130)
    expect(given.sent).toEqual([])
  })

  it('sends nothing without a terminal and without --yes, and sends with it', async () => {
    const given = world()
    expect((await runCli(['pitr', 'restore', 'shop', '--backup', '7'], given)).status).toBe(2)
    expect(given.sent).toEqual([])
    const ran = await runCli(['pitr', 'restore', 'shop', '--backup', '7', '--yes', '--json'], given)
    expect([ran.status, ran.json()]).toMatchObject([0, { product: 'shop', notes: ['all services are healthy'] }])
    expect(given.goals.at(-1)).toEqual({ backup: '7' })
  })

  it.each([
    ['a time without its zone', ['--at', '2026-11-21T11:58:00']],
    ['a day', ['--at', '2026-11-21']],
    ['a time that is none', ['--at', '2026-13-41T11:58:00Z']],
    ['nothing', []],
    ['two goals', ['--at', '2026-11-21T11:58:00Z', '--backup', '7']],
  ])('refuses %s', async (_name, words) => {
    const given = world()
    expect((await runCli(['pitr', 'restore', 'shop', ...words, '--yes'], given)).status).toBe(2)
    expect(given.goals).toEqual([])
  })

  it('follows what is under way with --resume, and says when there is nothing', async () => {
    const following = { lifeboat: { resumeRecovery: async () => recovered } }
    expect((await runCli(['pitr', 'restore', 'shop', '--resume'], following)).stdout).toContain('recovered')
    const nothing = { lifeboat: { resumeRecovery: async () => undefined } }
    expect((await runCli(['pitr', 'restore', 'shop', '--resume'], nothing)).status).toBe(10)
  })

  it('ends with status 1 and the hint when the instant lies outside', async () => {
    const planRecovery = async () => {
      throw new BackupError('outside-window', 'outside', { hint: 'look at the window' })
    }
    const ran = await runCli(['pitr', 'restore', 'shop', '--at', '2026-11-21T11:58:00Z'], {
      lifeboat: { planRecovery },
    })
    expect(ran.status).toBe(1)
    expect(ran.stderr).toContain('hint: look at the window')
  })
})

describe('pitr window, pitr forget and list --provider', () => {
  const window = {
    status: 'available' as const,
    notes: [],
    earliest: '2026-11-14T12:00:00.000Z',
    latest: '2026-11-21T11:58:00.000Z',
  }

  it('say it in a line, and in JSON', async () => {
    const ran = await runCli(['pitr', 'window', 'shop'], { lifeboat: { recoveryWindow: async () => window } })
    expect(ran.stdout).toBe('recovery to any instant from 2026-11-14T12:00:00.000Z to 2026-11-21T11:58:00.000Z\n')
    const gone = await runCli(['pitr', 'forget', 'shop', '--json'], { lifeboat: { forgetRecovery: async () => true } })
    expect(gone.json()).toEqual({ product: 'shop', forgotten: true })
  })

  it('lists what the provider has, whatever it says of itself', async () => {
    const listing: ProviderListing = {
      ...{ product: 'shop', provider: 'supabase', location: 'project x', window },
      schedule: { timeOfDay: '04:00:00' },
      restorePoint: { ...point, name: 'before\u001b[31m' },
      backups: [
        {
          ...{ id: '7', kind: 'physical', createdAt: '2026-11-21T04:00:00.000Z', status: 'unknown' },
          ...{ nativeStatus: 'SHELVED\u001b[31m', expiresAt: null, sizeBytes: null },
        },
      ],
    }
    const ran = await runCli(['list', '--provider'], { lifeboat: { providerBackups: async () => listing } })
    expect(ran.status).toBe(0)
    expect(ran.stdout).toContain('SHELVED')
    expect(ran.stdout).not.toContain('\u001b[31m')
    expect(ran.stdout).toContain('recovery to any instant')
    expect(ran.stdout).toContain('makes a backup every day at 04:00:00 UTC')
    expect(ran.stdout).toContain('restore point before')
  })
})

const point = {
  ...{ name: 'before', status: 'AVAILABLE', available: true, completedAt: '2026-11-21T11:00:00.000Z' },
  backup: 'restore-point:before',
}

describe('pitr mark and pitr undo', () => {
  it('makes a restore point and says how to go back to it', async () => {
    const names: string[] = []
    const makeRestorePoint = async (_product: string, name: string) => {
      names.push(name)
      return point
    }
    const ran = await runCli(['pitr', 'mark', 'shop', 'before'], { lifeboat: { makeRestorePoint } })
    expect([ran.status, ran.stdout, names]).toEqual([
      0,
      'restore point before: AVAILABLE, of 2026-11-21T11:00:00.000Z; go back to it with: lifeboat pitr undo shop before\n',
      ['before'],
    ])
  })

  it('goes back to the one that is named, or the newest, once it is confirmed', async () => {
    const given = world({ typed: 'abcdefghijklmnopqrst' })
    const asked: unknown[] = []
    const restorePoint = async (_product: string, options?: { name?: string | undefined }) => {
      asked.push(options?.name)
      return point
    }
    const lifeboat = { ...given.lifeboat, restorePoint }
    expect((await runCli(['pitr', 'undo', 'shop'], { ...given, lifeboat })).status).toBe(0)
    expect((await runCli(['pitr', 'undo', 'shop', 'before'], { ...given, lifeboat })).status).toBe(0)
    expect([asked, given.goals]).toEqual([
      [undefined, 'before'],
      [{ backup: 'restore-point:before' }, { backup: 'restore-point:before' }],
    ])
    const unconfirmed = world({ typed: 'no' })
    const ran = await runCli(['pitr', 'undo', 'shop'], {
      ...unconfirmed,
      lifeboat: { ...unconfirmed.lifeboat, restorePoint },
    })
    expect([ran.status, unconfirmed.sent]).toEqual([130, []])
  })
})

describe('restore --profile', () => {
  const skipped = [{ entry: 'SCHEMA auth', reason: 'managed-schema' }]
  const profile = {
    name: 'supabase',
    kept: [{ kind: 'TABLE', schema: 'public', name: 'posts' }],
    prepare: ['create the role reporting, without login'],
  }

  it('prints what is kept and what is skipped, each with its reason, and restores nothing with --dry-run', async () => {
    const names: (string | undefined)[] = []
    const planRestore = async (_name: string, options: { profile?: { name: string } | undefined }) => {
      names.push(options.profile?.name)
      return samplePlan({ profile, skipped })
    }
    const restore = async () => {
      throw new Error('it must not')
    }
    const ran = await runCli(
      ['restore', 'latest', '--to', 'postgres://a@db.example.org/x', '--profile', 'supabase', '--dry-run'],
      { lifeboat: { planRestore, restore } },
    )
    expect(ran.status).toBe(0)
    expect(names).toEqual(['supabase'])
    expect(ran.stdout).toContain('keep  TABLE public.posts')
    expect(ran.stdout).toContain('skip  SCHEMA auth: managed-schema')
    expect(ran.stdout).toContain('first create the role reporting')
  })

  it('knows its profiles only', async () => {
    const ran = await runCli(['restore', 'latest', '--to', 'postgres://a@db.example.org/x', '--profile', 'other'])
    expect(ran.status).toBe(2)
  })
})
