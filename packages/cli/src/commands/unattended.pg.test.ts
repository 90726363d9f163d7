import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type {} from '../../../testkit/src/provided-postgres.js'
import type { CliIo } from '../cli-io.js'
import { run } from '../run.js'

let folder: string
const urlOf = (database: string) => Object.assign(new URL(inject('postgres').url), { pathname: `/${database}` }).href
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-unattended-'))
  for (const database of ['unattended_shop', 'unattended_queue']) await query('postgres', `create database ${database}`)
  await query('unattended_shop', 'create table orders as select generate_series(1, 100) as id')
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  for (const database of ['unattended_shop', 'unattended_queue'])
    await query('postgres', `drop database if exists ${database} with (force)`)
})

describe('lifeboat run', () => {
  it('backs up and verifies by the clock, says how it is, and stops when it is told to', async () => {
    const place = await configure(
      'clock',
      `schedule: { backup: '* * * * * *', verify: '* * * * * *', prune: '0 0 1 1 *' }`,
    )
    const running = start(['run', '--health-port', '0'], place)
    await until(running, async () => (await place.backups('shop')).length >= 2)
    const [, address] = /health at (\S+)\/healthz/.exec(running.stderr())!
    const health = await (await fetch(`${address}/healthz`)).json()
    expect(health).toMatchObject({ version: 1, state: 'running', products: [{ product: 'shop' }] })
    expect(await (await fetch(`${address}/status`)).json()).toMatchObject({
      version: 1,
      products: [{ product: 'shop' }],
    })
    expect(await (await fetch(`${address}/metrics`)).text()).toContain('lifeboat_backup_success')
    expect((await fetch(`${address}/other`)).status).toBe(404)
    running.interrupt()
    expect(await running.status).toBe(0)
    expect(running.stderr()).toMatch(/shop: backup done in \d+\.\d s: backup \w+-\w+ complete/)
    expect(running.stderr()).toMatch(/shop: verify done in/)
    expect(running.stderr()).toContain('stopping: what runs may go on for 20.0 s')
    expect(running.stdout()).toMatch(/^stopped: \d+ runs, 0 failed, 0 cancelled\n$/)
  })

  it('cancels what it does at the second signal, and leaves nothing of it', async () => {
    const hooks = `hooks: { beforeBackup: ['sleep', '60'] }, schedule: { backup: '* * * * * *' }`
    const place = await configure('cancel', hooks)
    const running = start(['run'], place)
    await until(running, async () => running.stderr().includes('shop: backup begins'))
    running.interrupt()
    running.interrupt()
    expect(await running.status).toBe(130)
    expect(running.stderr()).toContain('shop: backup cancelled in')
    expect(running.stdout()).toBe('stopped: 1 run, 0 failed, 1 cancelled\n')
    expect(await place.backups('shop')).toEqual([])
  })

  it('does jobs once for another scheduler, and ends with what became of them', async () => {
    const place = await configure('once', `hooks: { afterBackup: { shell: 'echo "$LIFEBOAT_STATUS" > told' } }`)
    const done = start(['run', 'shop', '--job', 'verify', '--job', 'backup'], place)
    expect(await done.status, done.stderr()).toBe(0)
    expect(done.stdout()).toMatch(
      /^shop: backup ok: backup \S+ complete\nshop: verify ok: local: .*ok\n$|^shop: backup ok/,
    )
    expect(await readFile(join(place.cwd, 'told'), 'utf8')).toBe('ok\n')
    const broken = await configure('broken', `hooks: { beforeBackup: { shell: 'echo no room >&2; exit 7' } }`)
    const failed = start(['run', 'shop', '--job', 'backup'], broken)
    expect(await failed.status).toBe(1)
    expect(failed.stderr()).toContain('shop: backup failed in')
    expect(failed.stderr()).toContain('the hook beforeBackup of shop ended with status 7: no room')
    expect(await broken.backups('shop')).toEqual([])
  })
})

describe('lifeboat worker', () => {
  it('does what is due once, which the queue then shows', async () => {
    const place = await configure('worker', `schedule: { backup: '0 0 1 1 *' }`)
    const running = start(['worker', '--health-port', '0'], place)
    await until(running, async () => (await place.backups('shop')).length > 0)
    await until(running, async () => (await queued(place)).every(({ state }: { state: string }) => state === 'ok'))
    const [, address] = /health at (\S+)\/healthz/.exec(running.stderr())!
    const served = await (await fetch(`${address}/metrics`)).text()
    const printed = start(['metrics', '--queue', 'env:LIFEBOAT_QUEUE_URL'], place)
    expect(await printed.status, printed.stderr()).toBe(0)
    for (const page of [served, printed.stdout()])
      for (const line of ['up 1', 'runs{state="ok"} 1', 'runs{state="waiting"} 0', 'oldest_waiting_seconds 0'])
        expect(page).toContain(`\nlifeboat_queue_${line}\n`)
    running.interrupt()
    expect(await running.status, running.stderr()).toBe(0)
    expect(running.stdout()).toBe('stopped: 1 run, 0 failed, 0 left to others\n')
    expect(await queued(place)).toMatchObject([{ product: 'shop', job: 'backup', state: 'ok', attempts: 1 }])
    const again = start(['worker'], place)
    await until(again, async () => again.stderr().includes('working at the queue'))
    await sleep(300)
    again.interrupt()
    expect(await again.status).toBe(0)
    expect(await place.backups('shop')).toHaveLength(1)
  })

  it('says what is wrong with its queue', async () => {
    const place = await configure('no-queue', `schedule: { backup: '0 0 1 1 *' }`)
    const address = start(['worker', '--queue', urlOf('unattended_queue')], place)
    expect(await address.status).toBe(2)
    expect(address.stderr()).not.toContain(inject('postgres').password)
    const missing = start(['queue', 'list', '--queue', 'env:NO_SUCH'], place)
    expect(await missing.status).toBe(2)
    expect(missing.stderr()).toContain('environment variable NO_SUCH is not set')
    const unset = start(['metrics', '--queue', 'env:NO_SUCH'], place)
    expect(await unset.status).toBe(2)
    const down = start(['metrics', '--queue', 'env:DOWN'], place)
    expect(await down.status, down.stderr()).toBe(0)
    expect(down.stdout()).toContain('\nlifeboat_queue_up 0\n')
    expect(down.stderr()).toContain('warning: the queue: ')
    const retry = start(['queue', 'retry', '0b2f0c0e-8a35-4d3b-9f56-3f2f1f9d2c11'], place)
    expect(await retry.status).toBe(1)
    expect(retry.stderr()).toContain('no run 0b2f0c0e-8a35-4d3b-9f56-3f2f1f9d2c11 has failed for good')
  })

  async function queued(place: Place) {
    const listed = start(['queue', 'list', '--json'], place)
    await listed.status
    return JSON.parse(listed.stdout()).runs
  }
})

describe('lifeboat backup --prove', () => {
  it('reads the backup back from each destination', async () => {
    const place = await configure('proven', '')
    const done = start(['backup', 'shop', '--reason', 'pre-deploy', '--label', 'commit=4f2a1c9', '--prove'], place)
    expect(await done.status, done.stderr()).toBe(0)
    expect(done.stdout()).toMatch(/\nproven shop\/\S+ at local: 1 table with 100 rows read back\n$/)
  })

  it('fails where the stored bytes are not what they should be', async () => {
    const damage = `for file in backups/shop/*/*.gpg; do printf not-what-was-written | dd of="$file" bs=1 seek=200 conv=notrunc 2>/dev/null; done`
    const place = await configure('damaged', `hooks: { afterBackup: { shell: ${JSON.stringify(damage)} } }`)
    const content = start(['backup', 'shop', '--prove'], place)
    expect(await content.status).toBe(4)
    expect(content.stdout()).toMatch(/not proven shop\/\S+ at local: /)
    const stored = start(['backup', 'shop', '--prove', 'stored', '--json'], place)
    expect(await stored.status).toBe(4)
    expect(JSON.parse(stored.stdout()).proofs).toMatchObject([{ destination: 'local', level: 'stored', ok: false }])
  })
})

describe('lifeboat schedule print', () => {
  it('prints files, or writes them and replaces none', async () => {
    const place = await configure('print', `schedule: { backup: '0 2 * * *', timeZone: 'Europe/Berlin' }`)
    const printed = start(['schedule', 'print', '--for', 'systemd'], place)
    expect(await printed.status).toBe(0)
    expect(printed.stdout()).toContain('# /etc/systemd/system/lifeboat-shop-backup.timer\n')
    expect(printed.stdout()).toContain('OnCalendar=*-*-* 02:00:00 Europe/Berlin\n')
    const written = start(['schedule', 'print', '--for', 'kubernetes', '--out', 'deploy'], place)
    expect(await written.status).toBe(0)
    expect(await readFile(join(place.cwd, 'deploy/lifeboat-cronjobs.yaml'), 'utf8')).toContain(
      "timeZone: 'Europe/Berlin'",
    )
    const again = start(['schedule', 'print', '--for', 'kubernetes', '--out', 'deploy'], place)
    expect(await again.status).toBe(2)
    expect(again.stderr()).toContain('exists already')
    const utc = start(['schedule', 'print', '--for', 'render-cron'], place)
    expect(await utc.status).toBe(2)
    expect(utc.stderr()).toContain('Europe/Berlin changes its clocks')
  })
})

interface Place {
  readonly cwd: string
  backups(product: string): Promise<string[]>
}

async function configure(name: string, more: string): Promise<Place> {
  const cwd = await mkdtemp(join(folder, `${name}-`))
  await writeFile(
    join(cwd, 'lifeboat.config.mjs'),
    `import { directory, secret } from '@lifeboat/core'
    export default { products: { shop: {
      source: { url: secret.value(${JSON.stringify(urlOf('unattended_shop'))}) },
      encryption: { passphrase: secret.value('correct horse battery') },
      destinations: { local: { store: directory(${JSON.stringify(join(cwd, 'backups'))}) } },
      ${more}
    } } }`,
  )
  return {
    cwd,
    async backups(product) {
      const entries = await readdir(join(cwd, 'backups', product), { recursive: true }).catch(() => [])
      return entries.filter(entry => entry.endsWith('manifest.json'))
    },
  }
}

/** A command line that goes on until it ends by itself or is interrupted. */
function start(argv: readonly string[], place: Place) {
  const written = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  const writer = (name: 'stdout' | 'stderr') => ({
    ...{ isTTY: false, columns: 100 },
    write: (text: string) => {
      written[name] += text
    },
  })
  const io: CliIo = {
    ...{ stdout: writer('stdout'), stderr: writer('stderr'), stdin: { isTTY: false }, cwd: place.cwd },
    env: { LIFEBOAT_QUEUE_URL: urlOf('unattended_queue'), DOWN: 'postgres://nobody:nothing@127.0.0.1:9/none' },
    exit: () => {},
    onSignal(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const status = run(argv, io)
  return {
    status,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    interrupt: () => {
      for (const listener of listeners) listener()
    },
  }
}

/** Waits until something holds; what ended meanwhile will never make it hold. */
async function until(running: ReturnType<typeof start>, holds: () => Promise<boolean>): Promise<void> {
  let ended: number | undefined
  running.status.then(status => {
    ended = status
  })
  while (!(await holds())) {
    if (ended !== undefined) throw new Error(`it ended with ${ended}: ${running.stderr()}`)
    await sleep(50)
  }
}

async function query(database: string, sql: string): Promise<void> {
  const client = new pg.Client(urlOf(database))
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
