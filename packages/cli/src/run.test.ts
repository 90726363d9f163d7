import { BackupError, type ErrorCode, errorCodes, resolveConfig } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { exitStatusOf } from './exit-status.js'
import { runCli } from './testing/fake-io.js'
import { sampleListed } from './testing/samples.js'

const commands = [
  'init',
  'doctor',
  'backup',
  'list',
  'show',
  'verify',
  'history',
  'report',
  'restore',
  'prune',
  'sweep',
  'demo',
]
const failing = (error: unknown) => ({ lifeboat: { show: () => Promise.reject(error) } })

describe('help', () => {
  it.each(commands)('of %s shows examples, the exit statuses and the global options', async command => {
    const { status, stdout, stderr } = await runCli([command, '--help'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain(`Usage: lifeboat ${command}`)
    expect(stdout).toMatch(/Examples:\n {2}\$ .*lifeboat/)
    expect(stdout).toMatch(/Exit statuses:\n {4}0 {2}done[\s\S]*130 {2}cancelled/)
    expect(stdout).toContain('--json')
  })

  it('of the program names every command', async () => {
    const { status, stdout } = await runCli(['--help'])
    expect(status).toBe(0)
    for (const command of commands) expect(stdout).toContain(`  ${command}`)
  })

  it('is printed on stderr, with status 2, when there is no command', async () => {
    const { status, stdout, stderr } = await runCli([])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain('Usage: lifeboat')
  })

  it('is not needed for the version', async () => {
    const { status, stdout } = await runCli(['--version'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('usage', () => {
  it.each([
    [['list', '--nope'], "unknown option '--nope'"],
    [['prune', '--keep', '3'], "unknown option '--keep'"],
    [['nope'], "unknown command 'nope'"],
    [['show'], "missing required argument 'backup'"],
    [['restore', 'latest'], "required option '--to <target>' not specified"],
    [['backup', '--label', 'novalue'], 'Write KEY=VALUE'],
    [['backup', '--label', '=x'], 'Write KEY=VALUE'],
    [['verify', '--level', 'deep'], 'listed, stored, content'],
    [['restore', 'latest', '--to', 'env:X', '--jobs', '0'], 'whole number'],
    [['backup', 'nobody'], 'the configuration has no product "nobody"'],
  ])('%j ends with status 2, one error line and a hint', async (argv, message) => {
    const { status, stdout, stderr } = await runCli(argv)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/^error: .*\nhint: .*\n$/)
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('did you mean --help')
  })

  it('hints at the help of the command that was meant, below others too', async () => {
    for (const [argv, command] of [
      [['objects', 'restore', 'shop', 'uploads'], 'objects restore'],
      [['keys', 'prove', 'shop', '--nope'], 'keys prove'],
      [['--nope', 'list'], 'list'],
    ] as const)
      expect((await runCli([...argv])).stderr).toContain(`see: lifeboat ${command} --help`)
  })

  it('errors are one JSON document with --json', async () => {
    const ran = await runCli(['list', '--nope', '--json'])
    expect(ran.status).toBe(2)
    expect(ran.json()).toEqual({
      error: { code: 'usage', message: "unknown option '--nope'", hint: 'see: lifeboat list --help' },
    })
  })
})

describe('errors', () => {
  const expected: Partial<Record<ErrorCode, number>> = {
    'config-invalid': 2,
    'secret-missing': 2,
    'selection-invalid': 2,
    'backup-missing': 10,
    locked: 11,
    'wrong-key': 12,
    'key-missing': 12,
    cancelled: 130,
    'object-damaged': 4,
    'object-archived': 13,
    'object-missing': 4,
    'archive-truncated': 4,
    'archive-invalid': 4,
    'counts-differ': 4,
    'manifest-invalid': 4,
    'seal-wrong': 4,
    'seal-missing': 4,
  }

  it.each(errorCodes)('%s has its exit status', code => {
    expect(exitStatusOf(new BackupError(code, 'x'))).toBe(expected[code] ?? 1)
  })

  it('are one line and a hint, and the status of the code', async () => {
    const error = new BackupError('backup-missing', 'there is no backup\nx', { hint: 'see lifeboat list' })
    const { status, stderr, stdout } = await runCli(['show', 'latest'], failing(error))
    expect({ status, stderr, stdout }).toEqual({
      status: 10,
      stdout: '',
      stderr: 'error: there is no backup x\nhint: see lifeboat list\n',
    })
  })

  it('are one JSON document with --json', async () => {
    const ran = await runCli(['show', 'latest', '--json'], failing(new BackupError('locked', 'someone else runs')))
    expect(ran.status).toBe(11)
    expect(ran.json()).toEqual({ error: { code: 'locked', message: 'someone else runs', hint: null } })
  })

  it('of an unknown kind show no stack unless LIFEBOAT_DEBUG asks for it', async () => {
    const quiet = await runCli(['show', 'latest'], failing(new TypeError('boom')))
    expect(quiet.status).toBe(1)
    expect(quiet.stderr).toMatch(/^error: unexpected: boom\nhint: .*LIFEBOAT_DEBUG.*\n$/)
    const loud = await runCli(['show', 'latest'], { ...failing(new TypeError('boom')), env: { LIFEBOAT_DEBUG: '1' } })
    expect(loud.stderr).toContain('run.test.ts')
  })

  it('never show the credentials of an address', async () => {
    const error = new Error('connect postgres://u:hunter2@db/x?password=hunter3 failed')
    const { stderr } = await runCli(['show', 'latest'], { ...failing(error), env: { LIFEBOAT_DEBUG: '1' } })
    expect(stderr).toContain('postgres://db/x')
    expect(stderr).not.toMatch(/hunter/)
  })
})

// Loading a configuration starts a TypeScript compiler, which takes its time on a busy machine.
describe('configuration', { timeout: 30_000 }, () => {
  it('that is nowhere ends with status 2 and says how to write one', async () => {
    const { status, stderr } = await runCli(['list'], { config: null })
    expect(status).toBe(2)
    expect(stderr).toMatch(/^error: no lifeboat\.config\.ts in .*\nhint: .*lifeboat init/)
  })

  it.each([
    ['--config', ['list', '--config', 'gone.mjs'], {}],
    ['LIFEBOAT_CONFIG', ['list'], { LIFEBOAT_CONFIG: 'gone.mjs' }],
  ])('named by %s must exist', async (place, argv, env) => {
    const { status, stderr } = await runCli(argv, { env })
    expect(status).toBe(2)
    expect(stderr).toMatch(new RegExp(`gone\\.mjs does not exist\nhint: correct ${place}`))
  })

  it('with an unknown key ends with status 2 and the path of the key', async () => {
    const open = async (config: unknown) => {
      resolveConfig(config)
      throw new Error('not reached')
    }
    const config = `export default { products: { shop: { sourze: 1 } } }`
    const { status, stderr } = await runCli(['list'], { config, open })
    expect(status).toBe(2)
    expect(stderr).toContain('products.shop.sourze')
  })

  it('that does not load ends with status 2, in one line', async () => {
    const { status, stderr } = await runCli(['list'], { config: '\nexport default {{{' })
    expect(status).toBe(2)
    expect(stderr).toMatch(/^error: the configuration .* cannot be loaded: ParseError: .* \(.*:2:\d+\)\nhint: .*\n$/)
  })

  it('finds @lifeboat/core where nothing is installed, and core gets its folder', async () => {
    const config = `import { defineConfig, secret } from '@lifeboat/core'\nexport default defineConfig({ products: {}, url: String(secret.env('X')) })`
    const ran = await runCli(['list'], { config, lifeboat: { list: async () => ({ backups: [], unreadable: [] }) } })
    expect(ran.status).toBe(0)
    expect(ran.opened[0]?.config).toEqual({ products: {}, url: '[secret: environment variable X]' })
    expect(ran.opened[0]?.options.configFolder).toBe(ran.cwd)
  })

  it('is not needed for a backup named by its path', async () => {
    const env = { LIFEBOAT_PASSPHRASE: 'hunter2', LIFEBOAT_PRIVATE_KEY: 'team.asc' }
    const ran = await runCli(['show', './shop/20261121T020000Z-7f3k9q/'], {
      config: null,
      env,
      lifeboat: { show: async () => sampleListed },
    })
    expect(ran.status).toBe(0)
    const [{ config, options } = { config: undefined, options: {} }] = ran.opened
    expect(config).toBeUndefined()
    expect(options.keys?.passphrase?.read()).toBe('hunter2')
    expect(options.keys?.privateKeyPath).toBe(`${ran.cwd}/team.asc`)
    const place = options.openStore?.('./shop/20261121T020000Z-7f3k9q/manifest.json')
    expect(place?.path).toBe('20261121T020000Z-7f3k9q/manifest.json')
    expect(place?.store.location).toContain(`${ran.cwd}/shop`)
    expect(options.openStore?.('latest')).toBeUndefined()
  })
})

describe('Ctrl-C', () => {
  const waiting = (presses: number) => {
    let interrupt = () => {}
    return {
      onStart: (send: () => void) => {
        interrupt = send
      },
      lifeboat: {
        show: (_name: string, options: { signal?: AbortSignal | undefined } = {}) =>
          new Promise<never>((_resolve, reject) => {
            options.signal?.addEventListener('abort', () => setImmediate(() => reject(options.signal?.reason)))
            for (let i = 0; i < presses; i++) interrupt()
          }),
      },
    }
  }

  it('once cancels and ends with status 130', async () => {
    const { status, stderr, exits } = await runCli(['show', 'latest'], waiting(1))
    expect({ status, exits }).toEqual({ status: 130, exits: [] })
    expect(stderr).toBe('cancelling, press Ctrl-C again to leave at once\nerror: cancelled\n')
  })

  it('twice leaves at once', async () => {
    const { exits } = await runCli(['show', 'latest'], waiting(2))
    expect(exits).toEqual([130])
  })
})
