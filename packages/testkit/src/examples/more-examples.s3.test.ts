import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import {
  bucketOf,
  generateKeys,
  openExample,
  query,
  runObjects,
  runPlan,
  server,
  startExampleWorld,
} from './example-world.js'

startExampleWorld()

describe('more examples', () => {
  it('voxanne: keys of the team and the safe, a row for each verification, 30 days here and offsite', async () => {
    const opened = await openExample('voxanne')
    const { place, cli, set } = opened
    set({
      VOXANNE_DATABASE_URL: server.url('voxanne'),
      VOXANNE_KEY_PASSPHRASE: 'the team knows it',
      SLACK_WEBHOOK: 'http://127.0.0.1:9/slack',
    })
    await generateKeys(place)
    expect((await cli(['log-table', '--apply'])).status).toBe(0)
    const { ids, of, left } = await runPlan(opened, 'voxanne')
    for (const destination of ['local', 'offsite']) {
      expect(of(destination).removed).toContain(ids[0])
      expect(left(destination)).toContain(ids[3])
    }
    const rows = await query('voxanne', 'select distinct status from backup_verification_log')
    expect(rows).toEqual([{ status: 'success' }])
    const recovery = [
      'keys',
      'prove',
      'voxanne',
      '--destination',
      'offsite',
      '--key',
      join(place, 'keys/recovery-private.asc'),
    ]
    set({ LIFEBOAT_PRIVATE_KEY_PASSPHRASE: 'in the safe' })
    const proved = await cli(recovery)
    expect([proved.status, proved.stderr]).toEqual([0, ''])
    const { products } = (await cli(['keys', 'list'])).json() as { products: { findings: { code: string }[] }[] }
    expect(products[0]!.findings).toEqual([])
    const provider = await cli(['list', '--provider'])
    expect([provider.status, provider.stdout]).toEqual([0, expect.stringContaining('2026-11-20')])
  })

  it('botflow: here for 30 days, in a cheaper class for 30 days, and one a week in the archive for a year', async () => {
    const opened = await openExample('botflow')
    const root = join(opened.place, 'application')
    await mkdir(root)
    await writeFile(join(root, '.env'), 'BOTFLOW_TOKEN=not-for-others\n')
    const storage = { 'avatars/1.png': 'one', 'avatars/2.png': 'two' }
    const storageBucket = await bucketOf(storage)
    const { endpoint, accessKeyId, secretAccessKey } = inject('s3')
    opened.set({
      STORAGE_BUCKET: storageBucket,
      STORAGE_ENDPOINT: endpoint,
      STORAGE_ACCESS_KEY_ID: accessKeyId,
      STORAGE_SECRET_ACCESS_KEY: secretAccessKey,
      BOTFLOW_DATABASE_URL: server.url('botflow'),
      SLACK_WEBHOOK: 'http://127.0.0.1:9/slack',
      BOTFLOW_BACKUP_PASSPHRASE: 'of botflow',
      BOTFLOW_ROOT: root,
    })
    const { ids, of, left } = await runPlan(opened, 'botflow')
    for (const destination of ['local', 's3']) expect(of(destination).removed).toEqual([ids[0]])
    expect(left('archive')).toEqual([ids[2], ids[0]])
    await runObjects(opened, 'botflow', 'storage', storageBucket, storage)
  })
})
