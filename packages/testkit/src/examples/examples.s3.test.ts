import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exampleDatabases } from './example-databases.js'
import {
  bucketOf,
  examples,
  generateKeys,
  openExample,
  render,
  runObjects,
  runPlan,
  server,
  startExampleWorld,
} from './example-world.js'

// In two files: the longest of all, and each has a core of its own.
startExampleWorld()

describe('examples', () => {
  it('are the four plans, and nothing else', async () => {
    const folders = (await readdir(examples, { withFileTypes: true })).filter(one => one.isDirectory())
    expect(folders.map(one => one.name).sort()).toEqual(Object.keys(exampleDatabases).sort())
  })

  it('ai-booking: locked offsite, which a prune says and leaves; the service paused around a restore', async () => {
    const opened = await openExample('ai-booking', { locked: true })
    opened.set({
      BOOKING_DATABASE_URL: server.url('ai_booking'),
      BOOKING_BACKUP_PASSPHRASE: 'of the bookings',
      SLACK_WEBHOOK: 'http://127.0.0.1:9/slack',
      SMTP_URL: 'smtp://127.0.0.1:9',
    })
    const { ids, of, left } = await runPlan(opened, 'ai-booking')
    expect(of('offsite')).toMatchObject({
      removed: [],
      retained: [{ id: ids[0], message: expect.stringMatching(/locked until/) }],
    })
    expect(left('offsite')).toHaveLength(4)
    expect((await opened.cli(['pause', 'ai-booking'])).status).toBe(0)
    expect(render.services.get('srv-booking-api')?.suspended).toBe('suspended')
    expect((await opened.cli(['resume', 'ai-booking'])).status).toBe(0)
  })

  it('flynn: three regions, configuration and .env beside the dump', async () => {
    const opened = await openExample('flynn')
    await generateKeys(opened.place)
    const root = join(opened.place, 'application')
    await mkdir(join(root, 'config'), { recursive: true })
    await writeFile(join(root, '.env'), 'FLYNN_TOKEN=not-for-others\n')
    await writeFile(join(root, 'config/app.json'), '{"a":1}')
    const uploads = { 'a.pdf': 'upload a', 'b.pdf': 'upload b', 'c d/ü.pdf': 'upload c' }
    const recordings = { 'calls/1.opus': 'first call', 'calls/2.opus': 'second call', 'calls/3.opus': 'third call' }
    const [uploadsBucket, recordingsBucket] = [await bucketOf(uploads), await bucketOf(recordings)]
    opened.set({
      UPLOADS_BUCKET: uploadsBucket,
      RECORDINGS_BUCKET: recordingsBucket,
      FLYNN_DATABASE_URL: server.url('flynn'),
      SLACK_WEBHOOK: 'http://127.0.0.1:9/slack',
      FLYNN_KEY_PASSPHRASE: 'the team knows it',
      FLYNN_ROOT: root,
    })
    const { ids, of, left } = await runPlan(opened, 'flynn')
    for (const destination of ['frankfurt', 'ireland', 'virginia']) {
      expect(of(destination).removed).toEqual([ids[0]])
      expect(left(destination)).toEqual([ids[3], ids[2], ids[1]])
    }
    const shown = (await opened.cli(['show', 'flynn/latest'])).stdout
    expect(shown).toContain('config.tar.gz.gpg')
    expect(shown).not.toContain('not-for-others')
    const toFolder = join(opened.place, 'back')
    const files = [
      'restore',
      'flynn/latest',
      '--destination',
      'virginia',
      '--files',
      'config',
      '--to-folder',
      toFolder,
      '--yes',
    ]
    expect((await opened.cli(files)).status).toBe(0)
    expect(await readFile(join(toFolder, '.env'), 'utf8')).toBe('FLYNN_TOKEN=not-for-others\n')
    expect(await readFile(join(toFolder, 'config/app.json'), 'utf8')).toBe('{"a":1}')
    await runObjects(opened, 'flynn', 'uploads', uploadsBucket, uploads)
    const kept = await runObjects(opened, 'flynn', 'recordings', recordingsBucket, recordings)
    expect(kept.map(one => [one.destination, one.removed])).toEqual([['ireland', []]])
  })
})
