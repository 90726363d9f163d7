import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ensurePgClient } from '../../../testkit/src/pg-clients.js'
import { reframed, type Scan } from './scan-stage.js'

const run = promisify(execFile)
let folder: string
let pgRestore: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-reframed-'))
  // The newest reads archives of all.
  pgRestore = join(await ensurePgClient(18), 'pg_restore')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The whole archive as SQL, rows and large objects included. */
async function asSql(file: string): Promise<string> {
  const { stdout } = await run(pgRestore, ['--file=-', file], { maxBuffer: 2 ** 28, encoding: 'latin1' })
  // A random word guards each run of a newer psql against its input.
  return stdout.replace(/^\\(un)?restrict .*$/gm, '')
}

it.each([15, 17, 18])('pg_restore makes the same of a re-framed archive of pg_dump %s', async major => {
  const original = fileURLToPath(new URL(`testdata/pg${major}.dump`, import.meta.url))
  const chunks: Uint8Array[] = []
  let scan: Scan | undefined
  const source = reframed(createReadStream(original, { highWaterMark: 3_000 }), done => {
    scan = done
  })
  for await (const chunk of source) chunks.push(Buffer.from(chunk))
  const bytes = Buffer.concat(chunks)
  expect(scan?.bytes).toBe(bytes.byteLength)
  expect(bytes.equals(await readFile(original))).toBe(false)
  const file = join(folder, `pg${major}.dump`)
  await writeFile(file, bytes)
  expect(await asSql(file)).toBe(await asSql(original))
})
