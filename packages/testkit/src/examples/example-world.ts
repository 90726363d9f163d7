import { randomUUID } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { memoryStore, type ObjectStore, openLifeboat, resolveConfig } from '@lifeboat/core'
import { type ScratchServer, startScratchServer } from '@lifeboat/core/scratch'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject } from 'vitest'
import { loadConfig } from '../../../cli/src/load-config.js'
import { type Ran, runCli } from '../../../cli/src/testing/fake-io.js'
import { type FakeSupabase, startFakeSupabase, token } from '../../../provider-supabase/src/testing/fake-supabase.js'
import type {} from '../global-setup-s3.js'
import { type RenderService, startRenderService } from '../render-service.js'
import { exampleDatabases } from './example-databases.js'

/*
 * The four configurations in examples/, loaded as the command line loads them and used as their plans say. Databases and
 * S3 are real; the vendors' APIs are servers that hold every call against the vendor's own description. What is staging's
 * comes through the variables that the examples themselves read.
 */
export const examples = fileURLToPath(new URL('../../../../examples', import.meta.url))
const hour = 3_600_000
/** Ahead of today, so that locks that begin then end in the future; within one day, week and month each. */
const firstDay = Date.parse(`${new Date(Date.now() + 24 * hour).toISOString().slice(0, 10)}T10:00:00Z`)
const nights = [firstDay, firstDay + hour, firstDay + 40 * 24 * hour, firstDay + 40 * 24 * hour + hour]

let folder: string
export let server: ScratchServer
let supabase: FakeSupabase
export let render: RenderService
let client: S3Client
const before = { ...process.env }

/** Starts what the examples talk to, for the tests of one file. */
export function startExampleWorld(): void {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-examples-'))
    server = await startScratchServer()
    supabase = await startFakeSupabase()
    render = await startRenderService({ sourceId: 'dpg-booking', services: ['srv-booking-api'], serviceLooks: () => 0 })
    const { endpoint, ...credentials } = inject('s3')
    client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true })
    Object.assign(process.env, {
      S3_ENDPOINT: endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      BACKUP_MIN_SIZE: '1KB',
      SUPABASE_ACCESS_TOKEN: token,
      SUPABASE_API_URL: supabase.server.baseUrl,
      SUPABASE_STATUS_URL: supabase.server.origin,
      RENDER_API_KEY: render.token,
      RENDER_API_URL: render.server.baseUrl,
      RENDER_STATUS_URL: render.server.origin,
    })
  })

  afterAll(async () => {
    process.env = before
    client.destroy()
    await Promise.all([supabase.close(), render.close()])
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })
}

export async function query(database: string, sql: string): Promise<Record<string, unknown>[]> {
  const session = new pg.Client(server.url(database))
  await session.connect()
  const result = await session.query(sql).finally(() => session.end())
  return Array.isArray(result) ? [] : result.rows
}

/** An example, set up as its README says. */
export async function openExample(name: keyof typeof exampleDatabases, options: { readonly locked?: boolean } = {}) {
  const place = join(folder, name)
  await cp(join(examples, name), place, { recursive: true })
  const database = name.replace('-', '_')
  await query('postgres', `create database ${database}`)
  await query(database, exampleDatabases[name])
  const bucket = `${name}-${randomUUID()}`
  await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: options.locked ?? false }))
  const env: Record<string, string> = {
    BACKUP_BUCKET: bucket,
    BACKUP_FOLDER: join(place, 'backups'),
    TARGET_URL: server.url(`${database}_back`),
  }
  const set = (more: Record<string, string>) => void Object.assign(process.env, Object.assign(env, more))
  const file = join(place, 'lifeboat.config.ts')
  const cli = (argv: readonly string[], atMs = nights.at(-1)!): Promise<Ran> =>
    runCli([...argv, '--config', file, '--json'], {
      config: null,
      env: { ...env },
      open: (config, opening) => openLifeboat(config, { ...opening, deps: { now: () => new Date(atMs) } }),
    })
  const config = async () => resolveConfig((await loadConfig(file)).config).products[name]!
  const library = async (atMs: number) => {
    const { config: loaded, folder: configFolder } = await loadConfig(file)
    return openLifeboat(loaded, { configFolder, deps: { now: () => new Date(atMs) } })
  }
  return { place, database, set, cli, config, library }
}
type Opened = Awaited<ReturnType<typeof openExample>>

/** What every plan has in common: nights of backups, each verified in every place; a restore; what is too old goes. */
export async function runPlan({ cli, database, config }: Opened, name: string) {
  const { verify, destinations } = await config()
  const ids: string[] = []
  for (const night of nights) {
    const made = await cli(['backup', '--reason', 'nightly'], night)
    expect([made.status, made.stderr]).toEqual([0, expect.not.stringContaining('error')])
    ids.push((made.json() as { backups: { id: string }[] }).backups[0]!.id)
    const verified = await cli(['verify'], night)
    expect([verified.status, verified.json()]).toEqual([0, expect.objectContaining({ ok: true, failures: [] })])
    expect(verified.json().reports).toHaveLength(Object.keys(destinations).length)
  }
  const last = Object.keys(destinations).at(-1)!
  const back = await cli([
    'restore',
    `${name}/latest`,
    '--destination',
    last,
    '--to',
    'env:TARGET_URL',
    '--create',
    '--yes',
  ])
  expect([back.status, back.stderr]).toEqual([0, expect.not.stringContaining('error')])
  for (const table of verify.criticalTables) {
    const sql = `select count(*)::int as rows, md5(string_agg(t::text, '|' order by id)) as content from ${table} t`
    expect(await query(`${database}_back`, sql)).toEqual(await query(database, sql))
  }
  const pruned = await cli(['prune', '--apply'])
  expect(pruned.status).toBeLessThanOrEqual(3)
  const { results } = pruned.json() as {
    results: { destination: string; removed: string[]; retained: { id: string; message: string }[] }[]
  }
  const of = (destination: string) => results.find(one => one.destination === destination)!
  const listed = await cli(['list'])
  const left = (listed.json() as { backups: { id: string; destination: string }[] }).backups
  return {
    ids,
    of,
    left: (destination: string) => left.filter(one => one.destination === destination).map(one => one.id),
  }
}

export async function generateKeys(place: string): Promise<void> {
  const env = { LIFEBOAT_PRIVATE_KEY_PASSPHRASE: 'the team knows it', LIFEBOAT_RECOVERY_KEY_PASSPHRASE: 'in the safe' }
  const made = await runCli(['keys', 'generate', '--folder', join(place, 'keys')], { config: null, env })
  expect(made.status).toBe(0)
}

export async function bucketOf(objects: Readonly<Record<string, string>>): Promise<string> {
  const bucket = `files-${randomUUID()}`
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  for (const [key, body] of Object.entries(objects)) await put(bucket, key, body)
  return bucket
}
const put = (bucket: string, key: string, body: string) =>
  client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }))

async function contentOf(store: ObjectStore): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const { key } of store.list('')) {
    const chunks: Uint8Array[] = []
    for await (const chunk of store.get(key)) chunks.push(chunk)
    found[key] = Buffer.concat(chunks).toString()
  }
  return found
}

/** Two copies of a bucket that changes between them: only the change is fetched, and both points in time come back. */
export async function runObjects(
  { library }: Opened,
  product: string,
  set: string,
  bucket: string,
  first: Record<string, string>,
) {
  const before = await (await library(nights[0]!)).copyObjects(product, set)
  expect(before.status).toBe('complete')
  const [changed, gone] = Object.keys(first) as [string, string]
  await put(bucket, changed, 'changed')
  await put(bucket, 'new/one', 'new')
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: gone }))
  const lifeboat = await library(nights[1]!)
  const after = await lifeboat.copyObjects(product, set)
  const counts = {
    outcome: 'complete',
    added: 1,
    changed: 1,
    removed: 1,
    fetchedBytes: 'changed'.length + 'new'.length,
  }
  expect(after.destinations).toEqual(after.destinations.map(() => expect.objectContaining(counts)))
  const { [gone]: _, ...rest } = first
  const now = { ...rest, [changed]: 'changed', 'new/one': 'new' }
  for (const { destination } of after.destinations) {
    expect((await lifeboat.verifyObjects(product, set, { destination })).ok).toBe(true)
    for (const [result, content] of [[before, first] as const, [after, now] as const]) {
      const snapshot = result.destinations.find(one => one.destination === destination)!.snapshot!.id
      const target = memoryStore()
      await lifeboat.restoreObjects(product, set, target, { destination, snapshot })
      expect(await contentOf(target)).toEqual(content)
    }
  }
  return lifeboat.pruneObjects(product, set, { apply: true })
}
