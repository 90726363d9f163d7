import { spawn } from 'node:child_process'
import { access, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateKeyPair } from '@lifeboat/core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type {} from '../../../testkit/src/provided-postgres.js'
import { compareDescriptions } from '../demo/compare-databases.js'
import { dropDatabase, loadNewDatabase } from '../demo/demo-server.js'
import { type DatabaseDescription, describeDatabase } from '../demo/describe-database.js'
import { nodeIo } from '../node-io.js'
import { buildProgram } from '../program.js'

const bin = fileURLToPath(new URL('../../dist/bin.js', import.meta.url))
const database = `plan_shop_${process.pid}`
const again = `plan_again_${process.pid}`

let folder = ''
let plan = ''
let before: DatabaseDescription
const urlOf = (name: string) => {
  const url = new URL(inject('postgres').url)
  url.pathname = `/${name}`
  return url.href
}

/** Runs text as a person would: bash, the command line on the PATH, and what is typed at its questions. */
async function shell(text: string, typed = ''): Promise<{ status: number | null; said: string }> {
  const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}`, SHOP_DATABASE_URL: urlOf(database) }
  const child = spawn('bash', ['-eo', 'pipefail', '-c', text], { cwd: folder, env })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  // A block that asks nothing may have ended by then.
  child.stdin.on('error', () => {}).end(typed)
  return new Promise(resolve => child.once('close', status => resolve({ status, said })))
}

/** The blocks of commands below a title, up to the next one. */
function blocksBelow(title: string): string[] {
  const part = plan.split(`\n${title}\n`)[1]?.split(/\n##+ /)[0] ?? ''
  return [...part.matchAll(/^```sh\n(.*?)^```$/gms)].map(found => found[1]!)
}

beforeAll(async () => {
  await access(bin).catch(() => {
    throw new Error(`${bin} is missing: this test runs the built command line, run \`pnpm run build\` first`)
  })
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-plan-'))
  await mkdir(join(folder, 'bin'))
  await mkdir(join(folder, 'backups'), { mode: 0o700 })
  await writeFile(join(folder, 'bin', 'lifeboat'), `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`)
  await chmod(join(folder, 'bin', 'lifeboat'), 0o755)
  const keys = await generateKeyPair({ name: 'Plan Test', email: 'plan@example.org' })
  await writeFile(join(folder, 'public.asc'), keys.publicKey)
  await writeFile(join(folder, 'private.asc'), keys.privateKey, { mode: 0o600 })
  await writeFile(
    join(folder, 'lifeboat.config.mjs'),
    `import { defineConfig, directory, secret } from '@lifeboat/core'
    export default defineConfig({ products: { shop: {
      objectives: { rpo: '24h', rto: '1h' },
      source: { url: secret.env('SHOP_DATABASE_URL') },
      encryption: { recipients: ['public.asc'], privateKey: 'private.asc', signingKey: 'private.asc' },
      destinations: { local: { store: directory(${JSON.stringify(join(folder, 'backups'))}), retention: { daily: 30, keepWithin: '3d' } } },
      schedule: { backup: '0 2 * * *', drill: '0 10 * * 5L', timeZone: 'Europe/Berlin' },
    } } })`,
  )
  await loadNewDatabase(inject('postgres').url, urlOf(database), database)
  for (const command of ['lifeboat backup', 'lifeboat plan shop --out plan.md'])
    expect(await shell(command)).toMatchObject({ status: 0 })
  plan = await readFile(join(folder, 'plan.md'), 'utf8')
})

afterAll(async () => {
  for (const name of [database, again]) await dropDatabase(inject('postgres').url, name).catch(() => {})
  await rm(folder, { recursive: true, force: true })
})

/** Every command line of ours in a text, in blocks and in sentences. */
function ownCommands(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(found => found[1]!.split('\n'))
  const spoken = [...text.matchAll(/(?<!`)`(lifeboat [^`]+)`(?!`)/g)].map(found => found[1]!)
  return [...blocks.filter(line => line.startsWith('lifeboat ')), ...spoken]
}

const io = nodeIo()

/** Parses a line with the very program; throws where it would be refused. */
function parse(line: string): void {
  let chosen = 0
  const program = buildProgram(io, () => chosen++)
  program.parse(line.split(/\s+/).slice(1), { from: 'user' })
  if (chosen !== 1) throw new Error(`no command: ${line}`)
}

describe('the plan', () => {
  it('says what is kept, what is not, who holds a key, and when drills are due', () => {
    for (const words of [
      '| loss of data (RPO) | 24 h |',
      `| local | \`${join(folder, 'backups')}\` | all of 3 d; one of each day, 30 of them`,
      'roles, passwords and tablespaces',
      'Plan Test \\<plan@example.org\\>',
      'Due, by the schedule:',
      '**No restore was rehearsed yet.**',
    ])
      expect(plan).toContain(words)
    expect(plan).not.toContain(new URL(inject('postgres').url).password || 'PRIVATE KEY')
    expect(plan).not.toContain('PRIVATE KEY')
  })

  it('holds only commands that parse', async () => {
    const commands = ownCommands(plan)
    expect(commands.length).toBeGreaterThan(15)
    for (const line of commands) expect(() => parse(line), line).not.toThrow()
    expect(() => parse('lifeboat restore shop/latest --into nowhere')).toThrow()
    const blocks = [...plan.matchAll(/^```sh\n(.*?)^```$/gms)].map(found => found[1]!)
    for (const block of blocks)
      expect(await shell(`bash -n <<'END'\n${block}END`), block).toMatchObject({ status: 0, said: '' })
    expect((await shell("bash -n <<'END'\nif true\nEND")).status).not.toBe(0)
  })

  it('brings a lost database back, followed to the letter', async () => {
    before = await describeDatabase(urlOf(database))
    await dropDatabase(inject('postgres').url, database)
    const [procedure] = blocksBelow('### The database deleted')
    const followed = await shell(procedure!, `${urlOf(again)}\n`)
    expect(followed).toMatchObject({ status: 0 })
    expect(followed.said).toMatch(/restored/)
    expect(compareDescriptions(before, await describeDatabase(urlOf(again)))).toEqual([])
    // And the product is protected again: its newest backup is of the new database, and verified.
    const status = await shell('lifeboat status --json')
    expect(JSON.parse(status.said).products[0].destinations[0]).toMatchObject({
      backups: 2,
      newest: { verified: true },
    })
  })
})
