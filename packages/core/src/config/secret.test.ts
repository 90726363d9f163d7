import { format, inspect } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { isBackupError } from '../errors/backup-error.js'
import { isSecret, secret } from './secret.js'

const name = 'LIFEBOAT_TEST_SECRET'
const value = 'correct horse battery staple'

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('secret', () => {
  it('reads the environment when it is read, not when it is made', () => {
    const reference = secret.env(name)
    vi.stubEnv(name, value)
    expect(reference.read()).toBe(value)
  })

  it.each([undefined, ''])('says which variable is missing where it is %j', content => {
    vi.stubEnv(name, content)
    const error = thrownBy(() => secret.env(name).read())
    expect(isBackupError(error, 'secret-missing')).toBe(true)
    expect(error).toMatchObject({ message: expect.stringContaining(name), hint: expect.stringContaining(name) })
  })

  it('holds a value from elsewhere, and refuses an empty one', () => {
    expect(secret.value(value).read()).toBe(value)
    expect(
      isBackupError(
        thrownBy(() => secret.value('', 'from the vault').read()),
        'secret-missing',
      ),
    ).toBe(true)
  })

  it.each([
    ['env', () => secret.env(name), `[secret: environment variable ${name}]`],
    ['value', () => secret.value(value), '[secret: given by the caller]'],
  ])('shows its name and never its value: %s', (_, make, shown) => {
    vi.stubEnv(name, value)
    const reference = make()
    reference.read()
    expect(String(reference)).toBe(shown)
    expect(JSON.stringify({ reference })).toBe(`{"reference":"${shown}"}`)
    expect(inspect({ reference }, { depth: null, showHidden: true })).toContain(shown)
    const everything = [
      format('%s %o %O %j %d', reference, reference, reference, reference, reference),
      inspect(reference, { customInspect: false, showHidden: true, depth: null, getters: true }),
      `${reference}`,
      JSON.stringify(Object.entries(reference)),
    ]
    for (const text of everything) expect(text).not.toContain(value)
  })

  it('is known across copies of the package', async () => {
    vi.resetModules()
    const copy = await vi.importActual<typeof import('./secret.js')>('./secret.js')
    expect(copy.isSecret).not.toBe(isSecret)
    expect(isSecret(copy.secret.env(name))).toBe(true)
    expect(isSecret({ read: () => value })).toBe(false)
    expect(isSecret(value)).toBe(false)
    expect(isSecret(null)).toBe(false)
  })
})

function thrownBy(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
