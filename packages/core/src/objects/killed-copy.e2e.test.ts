import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const built = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
const objects = 5000

/** Copies generated objects; says how many it asked for, and what came of it. */
const program = `
import { existsSync, readdirSync } from 'node:fs'
import { directory, openLifeboat, secret } from ${JSON.stringify(built)}

const [folder, hoursLater, enough] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
const checkpoints = () => {
  const at = folder + '/shop/objects/uploads/checkpoints'
  return existsSync(at) ? readdirSync(at, { recursive: true }).filter(name => name.endsWith('.json')).length : 0
}
const keyOf = n => 'uploads/' + String(n).padStart(8, '0')
const bodyOf = key => Buffer.from('the content of ' + key)
let gets = 0
const source = {
  name: 'generated', location: 'generated', listsInOrder: true,
  capabilities: { conditionalPut: false, storageClasses: false, objectLock: false, versioning: false },
  classify: () => undefined,
  async *list() {
    for (let n = 0; n < ${objects}; n++) {
      const key = keyOf(n)
      yield { key, sizeBytes: bodyOf(key).length, modifiedAt: new Date(1.7e12), etag: '"' + n + '"' }
    }
  },
  async *get(key) {
    gets += 1
    // Slows down after its first pack, and stays where it is once there is what the test waits for.
    if (enough > 0 && gets > 2100) {
      if (checkpoints() >= enough) await new Promise(() => setInterval(() => {}, 1e6))
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    yield bodyOf(key)
  },
}
const lifeboat = await openLifeboat({
  products: {
    shop: {
      source: { url: secret.value('postgres://nobody@example.org/shop', 'a test') },
      encryption: { passphrase: secret.value('correct horse battery staple', 'a test') },
      destinations: { vault: { store: directory(folder) } },
      objects: { uploads: { from: source } },
    },
  },
}, { deps: { now: () => new Date(Date.now() + hoursLater * 3_600_000) } })
const [{ added, resumed, unchanged }] = (await lifeboat.copyObjects('shop', 'uploads')).destinations
const { ok, objects } = await lifeboat.verifyObjects('shop', 'uploads')
console.log(JSON.stringify({ gets, added, resumed, unchanged, ok, objects }))
`

let folder: string
beforeAll(async () => {
  await access(built).catch(() => {
    throw new Error(`${built} is missing: this test runs the built package, run \`pnpm run build\` first`)
  })
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-killed-copy-'))
  await writeFile(join(folder, 'copy.mjs'), program)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function start(hoursLater: number, enough: number): ChildProcess {
  const args = [join(folder, 'copy.mjs'), join(folder, 'vault'), String(hoursLater), String(enough)]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function checkpoints(): Promise<number> {
  const at = join(folder, 'vault/shop/objects/uploads/checkpoints')
  const found = await readdir(at, { recursive: true }).catch(() => [])
  return found.filter(name => name.endsWith('.json')).length
}

describe('a process that copies objects', () => {
  it('killed by SIGKILL twice leaves no snapshot, and the third run fetches only what the others did not store', async () => {
    for (const hoursLater of [0, 1]) {
      const enough = (await checkpoints()) + 1
      const child = start(hoursLater, enough)
      const gone = once(child, 'exit')
      while ((await checkpoints()) < enough) {
        expect(child.exitCode).toBeNull()
        await new Promise(resolve => setTimeout(resolve, 5))
      }
      child.kill('SIGKILL')
      await gone
      await expect(access(join(folder, 'vault/shop/objects/uploads/snapshots'))).rejects.toThrow()
    }
    const named = await checkpoints()
    const last = start(2, 0)
    let said = ''
    last.stdout?.on('data', (chunk: Buffer) => (said += chunk))
    const [status] = await once(last, 'close')
    const copy = JSON.parse(said) as Record<string, number>
    expect([status, copy.ok, copy.objects]).toEqual([0, true, objects])
    expect(copy.resumed).toBeGreaterThanOrEqual(named * 2000)
    expect(copy).toMatchObject({ gets: objects - copy.resumed!, added: objects - copy.resumed!, unchanged: 0 })
    expect(await checkpoints()).toBe(0)
  })
})
