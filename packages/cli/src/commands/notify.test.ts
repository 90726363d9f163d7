import { type AlertReport, BackupError, type Lifeboat, openLifeboat, type RunOutcome } from '@lifeboat/core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { commandFor } from '../../../core/src/notify/command-for.js'
import { type HttpReceiver, startHttpReceiver } from '../../../core/src/notify/testing/http-receiver.js'
import type { CliIo } from '../cli-io.js'
import { buildProgram } from '../program.js'
import { runCli } from '../testing/fake-io.js'
import { sampleBackup, sampleDrill, samplePrune, sampleReport } from '../testing/samples.js'

const nowhere: CliIo = {
  stdout: { isTTY: false, write: () => {} },
  stderr: { isTTY: false, write: () => {} },
  stdin: { isTTY: false },
  ...{ env: {}, cwd: '/', onSignal: () => () => {}, exit: () => {} },
}

/** What a command line with these calls told of its runs. */
async function told(argv: readonly string[], lifeboat: Partial<Lifeboat>, answer?: Partial<AlertReport>) {
  const events: string[] = []
  const outcomes: RunOutcome[] = []
  const ran = await runCli(argv, {
    lifeboat: {
      products: ['shop', 'blog'],
      destinations: () => ['local', 'offsite'],
      reportStart: async ({ product, job }) => {
        events.push(`start ${job} ${product}`)
        return { deliveries: [], warnings: [] }
      },
      reportRun: async outcome => {
        const { product, job, result, failures, destinations } = outcome
        const codes = failures.map(({ destination, code }) => `${destination ?? ''} ${code}`.trim())
        events.push([result, job, product, ...(destinations ?? []), ...codes].join(' '))
        outcomes.push(outcome)
        return { deliveries: [], warnings: [], ...answer }
      },
      ...lifeboat,
    },
  })
  return { ...ran, events, outcomes }
}

describe('runs of the command line', () => {
  it('tell when they begin and what became of them, product by product', async () => {
    const { events } = await told(['backup'], {
      backup: async product => {
        if (product === 'shop') throw new BackupError('dump-failed', 'pg_dump ended with 1')
        return sampleBackup('partial', product)
      },
    })
    expect(events).toEqual([
      'start backup shop',
      'failed backup shop dump-failed',
      'start backup blog',
      'partial backup blog local offsite offsite store-unreachable',
    ])
  })

  it('tell of verifications of the latest, all destinations of a product together', async () => {
    const verify: Lifeboat['verify'] = async (name, options) => {
      if (options?.destination === 'offsite') throw new BackupError('store-unreachable', 'it does not answer')
      return { ...sampleReport([], name.split('/')[0]), destination: 'local' }
    }
    const { events } = await told(['verify'], { verify })
    expect(events).toEqual([
      'start verify shop',
      'partial verify shop local offsite offsite store-unreachable',
      'start verify blog',
      'partial verify blog local offsite offsite store-unreachable',
    ])
    expect((await told(['verify', 'shop/latest'], { verify })).events).toEqual([
      'start verify shop',
      'ok verify shop local',
    ])
    expect((await told(['verify', '--level', 'listed'], { verify })).events).toEqual([])
    expect((await told(['verify', 'shop/20261121T020000Z-7f3k9q'], { verify })).events).toEqual([])
  })

  it('tell of drills of the latest and of prunes that remove, and of no others', async () => {
    const drill = async () => sampleDrill()
    const prune = async () => [samplePrune({ applied: true })]
    expect((await told(['drill', 'shop'], { drill })).events).toEqual(['start drill shop', 'ok drill shop local'])
    expect((await told(['drill', 'shop', '--backup', 'x'], { drill })).events).toEqual([])
    expect((await told(['prune', 'shop', '--apply'], { prune })).events).toEqual([
      'start prune shop',
      'ok prune shop local',
    ])
    expect((await told(['prune', 'shop'], { prune })).events).toEqual([])
  })

  it('tell nobody with --no-notify', async () => {
    const { events } = await told(['backup', 'shop', '--no-notify'], { backup: async () => sampleBackup() })
    expect(events).toEqual([])
  })

  it('say what was sent, warn of what was not, and end as they would have', async () => {
    const delivery = { products: ['shop'], kind: 'slack' as const, title: 'CRITICAL shop: it failed', hint: null }
    const { status, stderr } = await told(
      ['backup', 'shop'],
      { backup: async () => sampleBackup() },
      {
        deliveries: [
          { ...delivery, channel: 'slack', ok: true, message: '200 ok' },
          { ...delivery, channel: 'on-call', ok: false, message: 'it answers 500' },
        ],
      },
    )
    expect(status).toBe(0)
    expect(stderr).toContain('told slack: CRITICAL shop: it failed')
    expect(stderr).toContain('warning: on-call was not told: it answers 500')
    const broken = await told(['backup', 'shop'], {
      backup: async () => sampleBackup(),
      reportRun: async () => {
        throw new Error('out of luck')
      },
    })
    expect([broken.status, broken.stderr]).toEqual([
      0,
      expect.stringContaining('warning: no alert was sent: out of luck'),
    ])
  })
})

describe('what an alert says to type', () => {
  const codes = [
    ...['backup-failed', 'verify-failed', 'drill-failed', 'prune-failed', 'backup-partial', 'backup-missing'],
    ...['backup-too-old', 'destination-behind', 'schedule-missed', 'never-verified', 'verification-failed'],
    ...['drill-overdue', 'drill-never-ran', 'rto-at-risk', 'store-unreachable', 'manifest-invalid', 'key-missing'],
    ...['rows-out-of-tolerance', 'records-refused', 'alert-channel-failed', 'size-unusual', 'anything-new'],
  ]
  const subjects = [
    null,
    'offsite',
    'backup',
    'verify',
    'drill',
    'prune',
    'offsite store-full',
    'x; rm -rf /',
    '$(id)',
    '--help',
  ]
  it.each(codes)('parses: %s', async code => {
    for (const subject of subjects) {
      const typed = commandFor('shop', { code, subject, destination: null })
      for (const command of [...typed.split(' && '), 'lifeboat status shop']) {
        expect(command).toMatch(/^lifeboat [a-z0-9 /-]+$/)
        let chosen = false
        const program = buildProgram(nowhere, () => {
          chosen = true
        })
        await program.parseAsync(command.split(' ').slice(1), { from: 'user' })
        expect(chosen, command).toBe(true)
      }
    }
  })
})

describe('notify', () => {
  let slack: HttpReceiver
  beforeAll(async () => {
    slack = await startHttpReceiver()
    process.env.LIFEBOAT_TEST_SLACK = `${slack.url}/services/XXXXsecretXXXX`
  })
  afterAll(async () => {
    delete process.env.LIFEBOAT_TEST_SLACK
    await slack.close()
  })
  beforeEach(() => {
    slack.received.length = 0
    slack.answer({ status: 200, body: 'ok' })
  })
  afterEach(() => expect(JSON.stringify(slack.received)).not.toContain('hunter2'))

  const config = `
    import { defineConfig, directory, secret } from '@lifeboat/core'
    import { join } from 'node:path'
    export default defineConfig({
      notify: { slack: { webhook: secret.env('LIFEBOAT_TEST_SLACK') } },
      products: {
        shop: {
          source: { url: secret.value('postgres://u:hunter2hunter2@127.0.0.1:1/none') },
          encryption: { passphrase: secret.value('a passphrase of the test') },
          destinations: { local: { store: directory(join(import.meta.dirname, 'backups')) } },
        },
      },
    })`
  const run = (argv: readonly string[]) => runCli(argv, { config, open: openLifeboat })

  it('test says per channel what came back, without its address', async () => {
    const ok = await run(['notify', 'test'])
    expect([ok.status, ok.stdout]).toEqual([0, "sent    slack (shop): TEST: Lifeboat's alerts reach slack: 200 ok\n"])
    slack.answer({ status: 404, body: `no_service at ${process.env.LIFEBOAT_TEST_SLACK}` })
    const failed = await run(['notify', 'test', 'shop', '--channel', 'slack'])
    expect(failed.status).toBe(4)
    expect(failed.stdout).toContain('FAILED  slack (shop): TEST: ')
    expect(failed.stdout).toContain('it answers 404 no_service at [redacted]\n        hint: check the incoming webhook')
    expect(failed.stdout + failed.stderr).not.toContain('XXXXsecretXXXX')
  })

  it('test refuses a channel that is not there', async () => {
    const ran = await run(['notify', 'test', '--channel', 'pager'])
    expect(ran.status).toBe(2)
    expect(ran.stderr).toContain('no alert channel of shop is called "pager"\nhint: configured: slack')
  })

  it('is told of a backup that cannot be made', async () => {
    const ran = await run(['backup', 'shop'])
    expect(ran.status).toBe(1)
    expect(slack.received).toHaveLength(1)
    expect(slack.received[0]!.body).toContain('🔴 CRITICAL shop: the backup failed: ')
    expect(ran.stderr).toContain('told slack: CRITICAL shop: the backup failed: ')
  })
})
