import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import { runPgRestore } from './run-pg-restore.js'

const target = parseConnectionUrl('postgres://someone@127.0.0.1:1/none')
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-pg-restore-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A pg_restore that is a script of sh. */
async function run(script: string) {
  const bin = await mkdtemp(join(folder, 'bin-'))
  await writeFile(join(bin, 'pg_restore'), `#!/bin/sh\n${script}\n`)
  await chmod(join(bin, 'pg_restore'), 0o755)
  return runPgRestore({ folder: bin, major: 18, version: '18.0' }, target, { file: 'none', options: [] })
}

const complaint = (message: string, command: string) =>
  `pg_restore: error: could not execute query: ERROR:  ${message}\nCommand was: ${command}\n`
const harmless = complaint('role "auditor" does not exist', 'GRANT SELECT ON TABLE public.t TO auditor;')
const serious = complaint('could not create unique index "t_pkey"', 'ALTER TABLE ONLY public.t ADD PRIMARY KEY (id);')
const say = (words: string) => `cat >&2 <<'END'\n${words}END`
const ignored = 'pg_restore: warning: errors ignored on restore: 1\n'

describe('pg_restore', () => {
  it('may complain of what leaves nothing out, and of nothing else', async () => {
    expect(await run(`${say(harmless + ignored)}\nexit 1`)).toHaveLength(1)
    await expect(run(`${say(harmless + serious + ignored)}\nexit 1`)).rejects.toThrow('t_pkey')
  })

  it.each([
    ['is killed', 'kill -9 $$'],
    ['ends as it never ends by itself', 'exit 127'],
  ])('has failed when it %s, whatever it complained of before', async (_, end) => {
    await expect(run(`${say(harmless)}\n${end}`)).rejects.toMatchObject({ code: 'restore-failed' })
  })

  it('has failed when it says more than anybody reads: what counts may be behind that', async () => {
    const many = `head -c 6000000 /dev/zero | tr '\\0' 'x' >&2`
    await expect(run(`${say(harmless)}\n${many}\n${say(`\n${serious}`)}\nexit 1`)).rejects.toMatchObject({
      code: 'restore-failed',
    })
  })
})
