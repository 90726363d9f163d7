import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, inject, it } from 'vitest'
import { ensurePgClient } from './pg-clients.js'
import type {} from './provided-postgres.js'

const run = promisify(execFile)

describe('ensurePgClient', { timeout: 300_000 }, () => {
  it.each([17, 18])('gives client tools of major %i that talk to a server', async major => {
    const folder = await ensurePgClient(major)
    for (const tool of ['pg_dump', 'pg_restore', 'psql']) {
      const { stdout } = await run(join(folder, tool), ['--version'])
      expect(stdout).toContain(`(PostgreSQL) ${major}.`)
    }
    const { stdout } = await run(join(folder, 'psql'), ['-XAtc', 'select 40 + 2', inject('postgres').url])
    expect(stdout.trim()).toBe('42')
    const dump = await run(join(folder, 'pg_dump'), ['--schema-only', inject('postgres').url])
    expect(dump.stdout).toContain('PostgreSQL database dump complete')
  })
})
