import { defineConfig, directory, secret } from '@lifeboat/core'
import { s3 } from '@lifeboat/provider-s3'
import { supabase } from '@lifeboat/provider-supabase'

const endpoint = process.env.S3_ENDPOINT
const bucket = process.env.BACKUP_BUCKET ?? 'botflow-dr'

export default defineConfig({
  products: {
    botflow: {
      // Of the dumps, one a night. The hour of the plan is point-in-time recovery's: `lifeboat timeline botflow`.
      objectives: { rto: '1h', rpo: '25h' },
      source: { url: secret.env('BOTFLOW_DATABASE_URL') },
      // The first place: what the provider keeps by itself for 7 days.
      provider: supabase({
        projectRef: 'abcdefghijklmnopqrst',
        accessToken: secret.env('SUPABASE_ACCESS_TOKEN'),
        apiUrl: process.env.SUPABASE_API_URL,
        statusUrl: process.env.SUPABASE_STATUS_URL,
      }),
      encryption: { passphrase: secret.env('BOTFLOW_BACKUP_PASSPHRASE') },
      // The environment variables of the application, encrypted like the dump.
      files: { environment: { root: process.env.BOTFLOW_ROOT ?? '.', include: ['.env*'] } },
      // The files of Supabase Storage, by its own S3 endpoint.
      objects: {
        storage: {
          from: s3({
            bucket: process.env.STORAGE_BUCKET ?? 'attachments',
            region: 'eu-central-1',
            endpoint: process.env.STORAGE_ENDPOINT ?? 'https://abcdefghijklmnopqrst.storage.supabase.co/storage/v1/s3',
            forcePathStyle: true,
            credentials: {
              accessKeyId: secret.env('STORAGE_ACCESS_KEY_ID'),
              secretAccessKey: secret.env('STORAGE_SECRET_ACCESS_KEY'),
            },
          }),
          destinations: ['local', 's3'],
          retention: { keepWithin: '30d', minimum: 3 },
          rpo: '25h',
          schedule: { copy: '0 3 * * *', verify: '30 4 * * 0', prune: '30 5 * * *' },
        },
      },
      destinations: {
        local: {
          store: directory(process.env.BACKUP_FOLDER ?? '/backups'),
          retention: { keepWithin: '30d', minimum: 3 },
        },
        s3: {
          store: s3({ bucket, prefix: 'daily', region: 'eu-central-1', endpoint, storageClasses: true }),
          storageClass: 'STANDARD_IA',
          retention: { keepWithin: '30d', minimum: 3 },
        },
        // Ready to read in hours, not at once: `lifeboat restore` asks for the retrieval and says when to come back.
        archive: {
          store: s3({ bucket, prefix: 'archive', region: 'eu-central-1', endpoint, storageClasses: true }),
          storageClass: 'DEEP_ARCHIVE',
          schedule: { every: 'weekly' },
          retention: { keepWithin: '1y', minimum: 3 },
        },
      },
      // `lifeboat verify` reads, decrypts and unpacks every byte, which is more than `gzip -t`.
      verify: {
        criticalTables: ['users', 'bots', 'conversations', 'messages'],
        size: { min: process.env.BACKUP_MIN_SIZE ?? '1MB' },
      },
      drill: { scratch: 'local', interval: '31d' },
      notify: { slack: { webhook: secret.env('SLACK_WEBHOOK'), severities: ['critical', 'warning'] } },
      schedule: { backup: '0 2 * * *', verify: '0 4 * * *', drill: '0 6 1 * *', prune: '0 5 * * *' },
    },
  },
})
