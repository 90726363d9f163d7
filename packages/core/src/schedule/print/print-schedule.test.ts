import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { jobsOfSet, objectScheduleSchema, scheduleSchema } from '../../config/schedule-schema.js'
import { secret } from '../../config/secret.js'
import { missedRuns, nextRun } from '../due-times.js'
import { cronLine, cronLinesInUtc, fixedOffset } from './cron-line.js'
import { onCalendar } from './on-calendar.js'
import { printSchedule, type Scheduler, schedulers } from './print-schedule.js'
import { secretVariables } from './secret-variables.js'

const now = new Date('2026-11-25T12:00:00Z')

const plain = [
  ...['0 2 * * *', '*/15 * * * *', '5-50/10 1,13 * * *', '0 2 * * 1-5', '30 4 1,15 * *', '0 0 1 */3 *', '0 6 * * SUN'],
  ...[
    '0 3 * FEB-APR MON,WED',
    '@daily',
    '@hourly',
    '0 9-17 * * *',
    '0 0 13 * 5',
    '15 3 */2 * 1',
    '0 0 * * 7',
    '? 2 * * *',
  ],
]
const special = ['0 10 * * 5L', '0 10 * * FRI#2', '0 10 L * *']

function runs(expression: string, zone: string, count: number, from = now): string[] {
  const found: string[] = []
  for (
    let at = nextRun(expression, zone, from);
    at !== undefined && found.length < count;
    at = nextRun(expression, zone, at)
  )
    found.push(at.toISOString())
  return found
}

describe('a line for plain cron', () => {
  it.each(plain)('means the same as %s', expression => {
    const { fields, guard } = cronLine(expression, 'UTC')
    expect(guard).toBeNull()
    expect(fields).toMatch(/^[0-9*,]+( [0-9*,]+){4}$/)
    expect(runs(fields, 'UTC', 20)).toEqual(runs(expression, 'UTC', 20))
  })

  it.each(special)('and its condition for the shell mean the same as %s', expression => {
    const { fields, guard } = cronLine(expression, 'America/New_York')
    expect(fields).toMatch(/^[0-9*,]+( [0-9*,]+){4}$/)
    // Every day on which the line fires, through a real shell whose clock is set to it.
    const window = { after: new Date('2027-01-01T00:00:00Z'), until: new Date('2028-01-01T00:00:00Z') }
    const fired = missedRuns(fields, 'America/New_York', window)
    const script = fired.map(at => `now=${at.getTime() / 1000}; if ${guard}; then echo $now; fi`).join('\n')
    const shell = 'date() { if [ "$1" = -d ]; then command date "$@"; else command date -d "@$now" "$@"; fi; }\n'
    const passed = execFileSync('/bin/sh', ['-c', `${shell}${script}`], { encoding: 'utf8' })
      .trim()
      .split('\n')
    expect(passed.map(at => new Date(Number(at) * 1000))).toEqual(missedRuns(expression, 'America/New_York', window))
    expect(passed).toHaveLength(12)
  })

  it.each(['*/10 * * * * *', '0 0 LW * *', '0 0 15W * *', '0 0 1 * +5', '0 0 1 * 5L'])(
    'refuses %s, and says what does it',
    expression => {
      expect(() => cronLine(expression, 'UTC')).toThrow(
        expect.objectContaining({ code: 'config-invalid', hint: expect.stringContaining('lifeboat run') }),
      )
    },
  )
})

describe('a line in UTC', () => {
  it.each([
    ...[
      ['0 2 * * *', 'Asia/Kolkata'],
      ['*/15 * * * *', 'Asia/Kolkata'],
      ['0 2 * * 1-5', 'Asia/Tokyo'],
      ['30 22 * * 6', 'America/Phoenix'],
    ],
    ...[
      ['15,45 8-18 * * 1,3', 'Asia/Kathmandu'],
      ['0 20 * * MON', 'Pacific/Honolulu'],
    ],
  ])('means the same as %s in %s', (expression, zone) => {
    const lines = cronLinesInUtc(expression, zone, now)
    const together = lines.flatMap(({ fields }) => runs(fields, 'UTC', 60)).sort()
    expect([...new Set(together)].slice(0, 20)).toEqual(runs(expression, zone, 20))
  })

  it('refuses a zone that changes its clocks, and a day that would be another', () => {
    expect(() => cronLinesInUtc('0 2 * * *', 'Europe/Berlin', now)).toThrow('Europe/Berlin changes its clocks')
    expect(() => cronLinesInUtc('0 2 1 * *', 'Asia/Tokyo', now)).toThrow('another day of the month')
    expect([fixedOffset('UTC', now), fixedOffset('Asia/Kathmandu', now)]).toEqual([0, 345])
  })
})

/** Debian and its kin have it; where it is not, the shape is checked. */
const analyze = findAnalyze()

describe('OnCalendar of systemd', () => {
  it.each([...plain, ...special, '*/20 * * * * *'])('means the same as %s', expression => {
    for (const zone of expression === '0 2 * * *' ? ['UTC', 'Europe/Berlin'] : ['Europe/Berlin']) {
      const lines = onCalendar(expression, zone)
      for (const line of lines)
        expect(line).toMatch(
          /^([A-Z][a-z]{2}(,[A-Z][a-z]{2})* )?\*-[0-9*,]+[-~][0-9*,./]+ [0-9*,]+:[0-9*,]+:[0-9*,]+ \S+$/,
        )
      if (analyze === undefined) continue
      const said = lines.flatMap(line => {
        const options = ['calendar', '--iterations=12', '--base-time=2026-11-25 12:00:00 UTC', line]
        const env = { ...process.env, TZ: 'UTC', LC_ALL: 'C' }
        const printed = execFileSync(analyze, options, { encoding: 'utf8', env })
        return [...printed.matchAll(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/g)].map(
          ([, day, time]) => `${day}T${time}.000Z`,
        )
      })
      const expected = runs(expression, zone, 10)
      expect(
        [...new Set(said)]
          .sort()
          .filter(at => at > now.toISOString())
          .slice(0, 10),
        `${lines}`,
      ).toEqual(expected)
    }
  })

  it('refuses what systemd has no words for', () => {
    expect(() => onCalendar('0 0 15W * *', 'UTC')).toThrow('systemd has no words for')
  })
})

describe('a printed schedule', () => {
  const shop = {
    product: 'shop',
    schedule: scheduleSchema.parse({
      backup: '0 2 * * *',
      verify: '0 5 * * *',
      drill: '0 10 * * 5L',
      prune: '30 5 * * *',
      jitter: '10m',
    }),
    variables: ['SHOP_DATABASE_URL', 'SHOP_PASSPHRASE'],
  }
  const berlin = {
    product: 'berlin',
    schedule: scheduleSchema.parse({ backup: '0 2 * * *', timeZone: 'Europe/Berlin' }),
    variables: [],
  }
  const print = (scheduler: Scheduler, ...products: (typeof shop)[]) =>
    printSchedule(scheduler, products, { now, version: '1.2.3' })
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-print-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('for cron is a table for each zone, which says its zone', () => {
    const files = print('cron', shop, berlin)
    expect(files.map(({ name }) => name)).toEqual(['crontab-UTC', 'crontab-Europe-Berlin'])
    const [utc] = files
    const lines = utc!.text.split('\n').filter(line => /^[0-9*]/.test(line))
    expect(lines).toHaveLength(4)
    expect(utc!.text).toContain('CRON_TZ=UTC\n')
    expect(lines[0]).toMatch(/^0 2 \* \* \* sleep \d+ && lifeboat run shop --job backup$/)
    // cron ends a command at a bare %.
    for (const line of lines) expect(line).not.toMatch(/(?<!\\)%/)
    for (const line of lines)
      execFileSync('/bin/sh', ['-n', '-c', line.split(' ').slice(5).join(' ').replaceAll('\\%', '%')])
  })

  it('for systemd is a service and a timer for each job, which systemd accepts', () => {
    const files = print('systemd', shop)
    expect(files.map(({ name }) => basename(name)).slice(0, 2)).toEqual([
      'lifeboat-shop-backup.service',
      'lifeboat-shop-backup.timer',
    ])
    expect(files).toHaveLength(8)
    for (const { name, text } of files) {
      for (const line of text.split('\n')) expect(line).toMatch(/^(\[\w+\]|#.*|\w+=.*|)$/)
      writeFileSync(join(folder, basename(name)), text)
    }
    if (analyze === undefined) return
    const units = files.map(({ name }) => join(folder, basename(name)))
    // It complains on stderr, also where it ends with 0.
    const said = execFileSync('/bin/sh', ['-c', '"$@" 2>&1', 'sh', analyze, 'verify', '--man=no', ...units], {
      encoding: 'utf8',
    })
    expect(said.split('\n').filter(line => line.includes('lifeboat-shop'))).toEqual([])
  })

  it('for GitHub Actions is a workflow for each job, with secrets by name', () => {
    const files = print('github-actions', shop)
    const parsed = files.map(({ text }) => parseAllDocuments(text).map(document => document.toJS()))
    expect(parsed.map(documents => documents.length)).toEqual([1, 1, 1, 1])
    const workflow = parsed[0]![0]
    expect(workflow.on.schedule).toEqual([{ cron: '0 2 * * *' }])
    expect(workflow.jobs.backup.env.SHOP_DATABASE_URL).toBe(`\${{ secrets.SHOP_DATABASE_URL }}`)
    expect(workflow.jobs.backup.steps.at(-1).run).toMatch(/lifeboat run shop --job backup$/)
    expect(() => print('github-actions', berlin)).toThrow('the backup of berlin: this scheduler knows UTC only')
  })

  it('for Kubernetes is a CronJob for each job, in its zone', () => {
    const [file] = print('kubernetes', shop, berlin)
    const documents = parseAllDocuments(file!.text)
    expect(documents.flatMap(document => document.errors)).toEqual([])
    const jobs = documents.map(document => document.toJS())
    expect(jobs.map(job => job.metadata.name)).toEqual([
      ...[
        'lifeboat-shop-backup',
        'lifeboat-shop-verify',
        'lifeboat-shop-drill',
        'lifeboat-shop-prune',
        'lifeboat-berlin-backup',
      ],
    ])
    expect(jobs.at(-1).spec).toMatchObject({
      schedule: '0 2 * * *',
      timeZone: 'Europe/Berlin',
      concurrencyPolicy: 'Forbid',
    })
    for (const job of jobs)
      execFileSync('/bin/sh', ['-n', '-c', job.spec.jobTemplate.spec.template.spec.containers[0].args[0]])
  })

  it('for GitHub Actions lets no job of a product take the place of another that waits', () => {
    const groups = print('github-actions', shop).map(
      ({ text }) => parseAllDocuments(text)[0]!.toJS().concurrency.group as string,
    )
    // Of one group GitHub keeps one that waits, and cancels it for the next: a backup for the verification after it.
    expect(new Set(groups).size).toBe(4)
  })

  it('for Kubernetes is refused where two long names would become one: the second would replace the first', () => {
    const named = (product: string) => ({ ...shop, product })
    const start = 'customer-acme-production-database-of-the-shop'
    expect(() => print('kubernetes', named(`${start}-eu`), named(`${start}-us`))).toThrow('one name')
  })

  it('for Render is a blueprint with a cron job for each', () => {
    const [file] = print('render-cron', shop)
    const { services } = parseAllDocuments(file!.text)[0]!.toJS()
    expect(services).toHaveLength(4)
    expect(services[0]).toMatchObject({
      type: 'cron',
      schedule: '0 2 * * *',
      envVars: [
        { key: 'SHOP_DATABASE_URL', sync: false },
        { key: 'SHOP_PASSPHRASE', sync: false },
      ],
    })
    for (const { startCommand } of services) execFileSync('/bin/sh', ['-n', '-c', startCommand])
    expect(() => print('render-cron', berlin)).toThrow('knows UTC only')
  })

  const uploads = {
    product: 'shop',
    schedule: jobsOfSet(
      'uploads',
      objectScheduleSchema.parse({ copy: '0 3 * * *', verify: '0 10 L * *', grace: '1h' }),
    ),
    variables: ['SHOP_PASSPHRASE'],
  }

  it.each(schedulers)('for %s has the jobs of sets of objects, each by itself', scheduler => {
    const text = printSchedule(scheduler, [shop, uploads], { now, version: '1.2.3' })
      .map(file => `${basename(file.name)}\n${file.text}`)
      .join('\n')
    for (const job of ['backup', 'copy:uploads', 'verify:uploads'])
      expect(text).toMatch(new RegExp(`lifeboat run shop --job ${job}\\b`))
    expect(text).not.toContain('--job prune:uploads')
    if (scheduler === 'cron') return
    expect(text).toMatch(/lifeboat-shop-objects-uploads-copy\b/)
    // What holds up a copy holds up no backup.
    if (scheduler === 'github-actions') expect(text).toContain('group: lifeboat-shop-objects-uploads-copy\n')
    if (scheduler !== 'systemd')
      for (const part of text.split(/^[\w.-]+\.ya?ml$/m).slice(1))
        expect(parseAllDocuments(part).flatMap(({ errors }) => errors)).toEqual([])
  })

  it('keeps names that Kubernetes takes, however long those of products and sets are', () => {
    const long = 'a'.repeat(60)
    const schedule = jobsOfSet(long, objectScheduleSchema.parse({ copy: '0 3 * * *', verify: '0 4 * * *' }))
    const [file] = printSchedule('kubernetes', [{ product: long, schedule, variables: [] }], { now, version: '1' })
    const names = parseAllDocuments(file!.text).map(document => document.toJS().metadata.name as string)
    expect(new Set(names).size).toBe(2)
    for (const name of names) expect(name).toMatch(/^[a-z0-9][a-z0-9-]{0,51}$/)
  })

  it('is refused where two jobs would be called alike', () => {
    const other = { ...shop, product: 'shop-objects-uploads' }
    expect(() => printSchedule('systemd', [other, uploads], { now, version: '1' })).toThrow(
      'would have one name: lifeboat-shop-objects-uploads-verify',
    )
  })

  it('is refused where nothing is scheduled', () => {
    expect(() => print('cron')).toThrow('no product has a schedule')
  })

  it('names the variables of secrets, wherever they are', () => {
    const config = {
      source: { url: secret.env('B_URL') },
      list: [{ key: secret.env('A_KEY') }],
      store: secret.env('NOT_OURS'),
      other: secret.value('text'),
    }
    expect(secretVariables(config)).toEqual(['A_KEY', 'B_URL'])
  })
})

function findAnalyze(): string | undefined {
  try {
    execFileSync('systemd-analyze', ['--version'], { stdio: 'ignore' })
    return 'systemd-analyze'
  } catch {
    return undefined
  }
}
