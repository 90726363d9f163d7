import { BackupError, type Lifeboat, type RestoreOptions, type RestorePlan } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import type { Prompts } from '../cli-io.js'
import { runCli, type World } from '../testing/fake-io.js'
import { samplePlan } from '../testing/samples.js'

const to = 'postgres://admin@db.example.com/copy'

function restoring(plan: RestorePlan = samplePlan()) {
  const restored: { name: string; options: RestoreOptions }[] = []
  const lifeboat: Partial<Lifeboat> = {
    planRestore: async () => plan,
    restore: async (name, options) => {
      restored.push({ name, options })
      return { plan, tables: 1, rows: 1234, steps: [{ step: 'load', durationMs: 900 }], durationMs: 1000 }
    },
  }
  return { restored, lifeboat }
}

function answering(answer: { confirm?: boolean | undefined; text?: string | undefined }) {
  const asked: string[] = []
  const prompts: Prompts = {
    confirm: async message => {
      asked.push(message)
      return answer.confirm
    },
    text: async message => {
      asked.push(message)
      return answer.text
    },
    secret: async () => undefined,
  }
  return { asked, prompts }
}

describe('restore', () => {
  it('shows the plan on stderr and, with --yes, restores exactly the backup it showed', async () => {
    const { restored, lifeboat } = restoring()
    const argv = ['restore', 'latest', '--to', to, '--create', '--jobs', '4', '--keep-failed', '--yes']
    const { status, stdout, stderr } = await runCli(argv, { lifeboat })
    expect(status).toBe(0)
    expect(stderr).toContain('into      db.example.com:5432/copy')
    expect(stdout).toMatch(
      /^restored shop\/.* into db.example.com:5432\/copy: 1 table, 1,234 rows in 1.0 s\n {2}load {2}0.9 s\n$/,
    )
    expect(restored[0]?.name).toBe('shop/20261121T020000Z-7f3k9q')
    expect(restored[0]?.options).toMatchObject({ create: true, jobs: 4, keepFailed: true, destination: 'local' })
  })

  it('says once what the plan warns of, and what comes up later', async () => {
    const plan = samplePlan({ warnings: ['objects of ann will belong to admin'] })
    const { lifeboat } = restoring(plan)
    const restore: Lifeboat['restore'] = async (name, options) => {
      for (const message of [...plan.warnings, 'left out: a grant'])
        options.onEvent?.({ type: 'warning.raised', message })
      return lifeboat.restore!(name, options)
    }
    const { stderr } = await runCli(['restore', 'latest', '--to', to, '--yes'], { lifeboat: { ...lifeboat, restore } })
    expect(stderr.match(/^warning: .*$/gm)).toEqual([
      'warning: objects of ann will belong to admin',
      'warning: left out: a grant',
    ])
  })

  it('says what the backup holds besides, which a restore of the database leaves alone', async () => {
    const { lifeboat } = restoring(samplePlan({ besides: ['roles', 'files: config'] }))
    const { stdout } = await runCli(['restore', 'latest', '--to', to, '--dry-run'], { lifeboat })
    expect(stdout).toMatch(/besides +roles, files: config \(not restored here: --files, --roles\)/)
  })

  it('refuses without --yes where nobody can be asked, after showing the plan', async () => {
    const { restored, lifeboat } = restoring()
    const { status, stdout, stderr } = await runCli(['restore', 'latest', '--to', to], { lifeboat })
    expect({ status, stdout, restored }).toEqual({ status: 2, stdout: '', restored: [] })
    expect(stderr).toMatch(/restore .*\n[\s\S]*error: a restore must be confirmed.*\nhint: .*--yes\n$/)
  })

  it.each([
    ['agreed to', true, 0, 1],
    ['declined', false, 130, 0],
    ['left with Ctrl-C', undefined, 130, 0],
  ])('asks on a terminal: %s', async (_what, confirm, expected, times) => {
    const { restored, lifeboat } = restoring()
    const { asked, prompts } = answering({ confirm })
    const { status } = await runCli(['restore', 'latest', '--to', to], { lifeboat, prompts, terminal: true })
    expect({ status, times: restored.length }).toEqual({ status: expected, times })
    expect(asked).toEqual(['Restore into db.example.com:5432/copy?'])
  })

  it.each([
    ['copy', 0],
    ['Copy', 130],
    ['', 130],
    [undefined, 130],
  ])("asks for the database's name before it overwrites: %j", async (text, expected) => {
    const { restored, lifeboat } = restoring(samplePlan({ overwrite: true }))
    const { prompts } = answering({ text, confirm: true })
    const { status } = await runCli(['restore', 'latest', '--to', to, '--overwrite'], {
      lifeboat,
      prompts,
      terminal: true,
    })
    expect(status).toBe(expected)
    expect(restored).toHaveLength(expected === 0 ? 1 : 0)
  })

  it('passes on what stands against the plan', async () => {
    const planRestore = () =>
      Promise.reject(new BackupError('target-not-empty', 'copy is not empty', { hint: 'use --overwrite' }))
    const { status, stderr } = await runCli(['restore', 'latest', '--to', to, '--yes'], { lifeboat: { planRestore } })
    expect({ status, stderr }).toEqual({ status: 1, stderr: 'error: copy is not empty\nhint: use --overwrite\n' })
  })
})

describe('--to', () => {
  const run = async (target: string, env: World['env'] = {}, flags: readonly string[] = []) => {
    const { restored, lifeboat } = restoring()
    const ran = await runCli(['restore', 'latest', '--to', target, '--yes', ...flags], { lifeboat, env })
    return { ...ran, url: restored[0]?.options.to }
  }

  it('takes the address from the environment', async () => {
    const { status, url, stdout, stderr } = await run('env:TARGET', { TARGET: 'postgres://u:hunter2@h/d' })
    expect({ status, url }).toEqual({ status: 0, url: 'postgres://u:hunter2@h/d' })
    expect(stdout + stderr).not.toMatch(/hunter2|warning/)
  })

  it('takes a missing password from PGPASSWORD', async () => {
    const { url } = await run('postgres://u@h/d', { PGPASSWORD: 'p@ss/w%rd' })
    expect(decodeURIComponent(new URL(url!).password)).toBe('p@ss/w%rd')
  })

  it.each([[[]], [['--json']]])('never prints a password, and warns about one on the command line: %j', async flags => {
    const { status, stdout, stderr } = await run('postgres://u:hunter2@h/d', {}, flags)
    expect(status).toBe(0)
    expect(stdout + stderr).not.toContain('hunter2')
    expect(stderr).toContain('warning: a password on the command line')
  })

  it.each([
    ['env:NOT_SET', {}, 'environment variable NOT_SET is not set'],
    ['hunter2', {}, '--to is not a postgres:// address'],
    ['mysql://u:hunter2@h/d', {}, '--to is not a postgres:// address'],
    ['postgres://u:hunter2@h', {}, '--to names no database'],
    ['env:T', { T: 'u:hunter2@h' }, 'environment variable T is not a postgres:// address'],
  ])('%j is refused with status 2 and not repeated', async (target, env, message) => {
    const { status, stderr } = await run(target, env)
    expect(status).toBe(2)
    expect(stderr).toContain(`error: ${message}\nhint: `)
    expect(stderr).not.toContain('hunter2')
  })
})
