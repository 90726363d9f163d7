import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type HookFacts, hooksSchema } from '../config/hooks-schema.js'
import { secret } from '../config/secret.js'
import { redactor } from '../http/redactor.js'
import { runHook } from './run-hook.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-hook-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const facts: HookFacts = {
  ...{
    hook: 'afterBackup',
    product: 'shop',
    backup: '20261121T020000Z-7f3k9q',
    reason: 'manual',
    target: null,
    set: null,
  },
  ...{ status: 'failed', error: { code: 'store-full', message: 'no space' } },
}

function run(hook: unknown, signal?: AbortSignal) {
  const { afterBackup } = hooksSchema.parse({ afterBackup: hook })
  return runHook({ hook: afterBackup!, facts, folder, redact: redactor(['hunter2-secret'], []), signal })
}

const node = (script: string) => [process.execPath, '-e', script]

describe('a command', () => {
  it('is told what happened in its environment, and runs in the folder of the configuration', async () => {
    const output = await run({ shell: 'pwd; env | grep ^LIFEBOAT_ | sort' })
    expect(output.trim().split('\n')).toEqual([
      folder,
      ...['LIFEBOAT_BACKUP_ID=20261121T020000Z-7f3k9q', 'LIFEBOAT_ERROR=no space', 'LIFEBOAT_ERROR_CODE=store-full'],
      ...['LIFEBOAT_HOOK=afterBackup', 'LIFEBOAT_PRODUCT=shop', 'LIFEBOAT_REASON=manual', 'LIFEBOAT_STATUS=failed'],
    ])
  })

  it('sees no variable of ours that could be a secret, and those that it is given', async () => {
    process.env.HOOK_TEST_PASSWORD = 'hunter2-hidden'
    try {
      const environment = { GIVEN: secret.env('HOOK_TEST_PASSWORD'), PLAIN: 'text' }
      expect(await run(['env'])).not.toContain('hunter2-hidden')
      // Backwards, because what is searched for leaks holds the arguments of every child.
      const given =
        'const { GIVEN, PLAIN } = process.env; process.exit([...GIVEN].reverse().join("") === "neddih-2retnuh" && PLAIN === "text" ? 0 : 9)'
      await run({ command: node(given), environment })
    } finally {
      delete process.env.HOOK_TEST_PASSWORD
    }
  })

  it('is no shell unless one is asked for', async () => {
    expect(await run(['echo', '$HOME; true'])).toBe('$HOME; true\n')
  })

  it('fails with its status and its last line, without secrets', async () => {
    const script = 'console.log("first"); console.error("password hunter2-secret is wrong"); process.exitCode = 3'
    await expect(run(node(script))).rejects.toMatchObject({
      code: 'hook-failed',
      message: 'the hook afterBackup of shop ended with status 3: password [redacted] is wrong',
    })
  })

  it('says what could not be started', async () => {
    await expect(run(['./no-such-program'])).rejects.toMatchObject({
      code: 'hook-failed',
      message: expect.stringContaining('could not be started'),
      hint: expect.stringContaining('./no-such-program'),
    })
  })

  it('shows no part of a secret where its output is cut', async () => {
    const script = 'console.log("hunter2-secret" + "x".repeat(4096 - 7))'
    const output = await run(node(script))
    expect(output.length).toBeLessThanOrEqual(4_096)
    expect(output).not.toContain('secret')
  })

  it('may write without end: only the last of it is kept', async () => {
    const output = await run(node('for (let i = 0; i < 20000; i++) console.log("line " + i); console.log("the end")'))
    expect(output.length).toBeLessThanOrEqual(4_096)
    expect(output.trimEnd().endsWith('the end')).toBe(true)
  })

  it('is stopped with everything it started when its time is over', async () => {
    const file = join(folder, 'alive')
    const script = `(trap '' TERM; while :; do date +%N > ${file}; sleep 0.05; done) & (trap '' TERM; sleep 60)`
    await expect(run({ shell: script, timeout: '300ms' })).rejects.toMatchObject({
      code: 'hook-failed',
      message: 'the hook afterBackup of shop did not end within 300ms and was stopped',
    })
    await expectStill(file)
  })

  it('is stopped with everything it started when the run is cancelled', async () => {
    const file = join(folder, 'alive')
    const controller = new AbortController()
    const running = run({ shell: `(while :; do date +%N > ${file}; sleep 0.05; done) & sleep 60` }, controller.signal)
    const ended = expect(running).rejects.toMatchObject({ code: 'cancelled' })
    while (!existsSync(file)) await sleep(10)
    controller.abort()
    await ended
    await expectStill(file)
  })

  async function expectStill(file: string): Promise<void> {
    const before = await readFile(file, 'utf8')
    await sleep(300)
    expect(await readFile(file, 'utf8')).toBe(before)
  }
})

describe('a function', () => {
  it('gets the facts and a signal', async () => {
    let got: unknown
    await run((told: unknown, { signal }: { signal: AbortSignal }) => {
      got = [told, signal.aborted]
    })
    expect(got).toEqual([facts, false])
  })

  it('fails with what it throws, without secrets', async () => {
    const call = () => Promise.reject(new Error('no: hunter2-secret'))
    await expect(run({ call })).rejects.toMatchObject({
      ...{ code: 'hook-failed', message: 'the hook afterBackup of shop failed: no: [redacted]' },
    })
  })

  it('that never ends is given up', async () => {
    await expect(run({ call: () => new Promise(() => {}), timeout: '20ms' })).rejects.toMatchObject({
      message: 'the hook afterBackup of shop did not end within 20ms and was stopped',
    })
  })
})

it('refuses what is neither', () => {
  for (const hook of [
    'echo hi',
    [],
    { command: ['a'], shell: 'b' },
    { timeout: '5m' },
    { command: ['a'], onFailure: 'no' },
  ])
    expect(hooksSchema.safeParse({ beforeBackup: hook }).success, JSON.stringify(hook)).toBe(false)
})
