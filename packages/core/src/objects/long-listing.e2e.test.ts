import { spawn } from 'node:child_process'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const built = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
/** A nightly run says LIFEBOAT_TEST_LISTING=2000000, and has a source that lists backwards as well. */
const nightly = process.env.LIFEBOAT_TEST_LISTING
const entries = Number(nightly ?? 75_000)
/** Of the process that copies. The keys of the listing alone are longer. */
const heapMegabytes = 64

/** Copies a generated source twice, plans a restore, and says what came of it; or holds the listing, and dies of it. */
const program = `
import { directory, openLifeboat, secret } from ${JSON.stringify(built)}

const [how, folder, count] = [process.argv[2], process.argv[3], Number(process.argv[4])]
const padding = 'x'.repeat(870)
let night = 1
let fetched = 0
const keyOf = n => 'objects/' + String(n).padStart(12, '0') + padding
const entryOf = n => {
  const version = n % 100 === 7 ? night : 1
  return { key: keyOf(n), sizeBytes: 0, modifiedAt: new Date(1.7e12 + version), etag: '"' + n + '-' + version + '"' }
}
const source = {
  name: 'generated', location: 'generated', listsInOrder: how !== 'disordered',
  capabilities: { conditionalPut: false, storageClasses: false, objectLock: false, versioning: false },
  classify: () => undefined,
  async *list() {
    const deleted = n => night === 2 && n % 100 === 57
    // Backwards where no order is promised: the worst there is.
    for (let n = 0; n < count; n++) {
      const one = how === 'disordered' ? count - 1 - n : n
      if (!deleted(one)) yield entryOf(one)
    }
  },
  async *get() { fetched += 1 },
}
if (how === 'held') {
  const all = []
  for await (const one of source.list()) all.push(Buffer.from(one.key).toString())
  console.log(JSON.stringify({ held: all.length }))
} else {
  const openWith = passphrase => openLifeboat({
    products: {
      shop: {
        source: { url: secret.value('postgres://nobody@example.org/shop', 'a test') },
        encryption: { passphrase: secret.value(passphrase, 'a test') },
        destinations: { vault: { store: directory(folder + '/' + how) } },
        objects: { uploads: { from: source } },
      },
    },
  })
  const old = 'correct horse battery staple'
  const lifeboat = await openWith(old)
  const nights = []
  for (night = 1; night <= 2; night++) {
    fetched = 0
    const { destinations } = await lifeboat.copyObjects('shop', 'uploads')
    const { added, changed, removed, unchanged } = destinations[0]
    nights.push({ added, changed, removed, unchanged, fetched })
  }
  const { objects } = await lifeboat.planObjectRestore('shop', 'uploads', directory(folder + '/none'))
  const rotated = []
  if (${nightly !== undefined}) {
    const options = { apply: true, key: { passphrase: secret.value(old, 'a test') } }
    const [{ snapshots }] = await (await openWith('another one')).rotateObjects('shop', 'uploads', options)
    for (const { outcome, verified } of snapshots) rotated.push([outcome, verified])
  }
  console.log(JSON.stringify({ nights, objects, rotated }))
}
`

let folder: string
beforeAll(async () => {
  await access(built).catch(() => {
    throw new Error(`${built} is missing: this test runs the built package, run \`pnpm run build\` first`)
  })
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-long-listing-'))
  await writeFile(join(folder, 'copy.mjs'), program)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function run(how: string): Promise<{ readonly status: number | null; readonly said: string }> {
  const args = [`--max-old-space-size=${heapMegabytes}`, join(folder, 'copy.mjs'), how, folder, String(entries)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', status => resolve({ status, said }))
  })
}

describe(`a listing of ${entries} keys, in a heap of ${heapMegabytes} MB`, () => {
  it('does not fit: whoever holds it dies', async () => {
    const { status, said } = await run('held')
    expect(status).not.toBe(0)
    expect(said).toMatch(/heap out of memory|heap limit/i)
  })

  const hundredth = entries / 100
  const nights = [
    { added: entries, changed: 0, removed: 0, unchanged: 0, fetched: entries },
    { added: 0, changed: hundredth, removed: hundredth, unchanged: entries - 2 * hundredth, fetched: hundredth },
  ]

  const rotated = nightly === undefined ? [] : Array(2).fill(['rotated', 'content'])

  it.each(nightly === undefined ? ['ordered'] : ['ordered', 'disordered'])(
    'is copied twice where it comes %s, read for a restore, and in a nightly run encrypted anew',
    async how => {
      const { status, said } = await run(how)
      expect(said.slice(-2000)).toBe(`${JSON.stringify({ nights, objects: entries - hundredth, rotated })}\n`)
      expect(status).toBe(0)
    },
  )
})
