import { defineConfig, secret } from '@lifeboat/core'
import { s3 } from '@lifeboat/provider-s3'
import { supabase } from '@lifeboat/provider-supabase'

const endpoint = process.env.S3_ENDPOINT
const bucket = process.env.BACKUP_BUCKET ?? 'flynn-dr'

export default defineConfig({
  products: {
    flynn: {
      // Of the dumps, one every six hours. The 15 minutes of the plan are point-in-time recovery's: `lifeboat timeline flynn`.
      objectives: { rto: '30m', rpo: '7h' },
      source: { url: secret.env('FLYNN_DATABASE_URL'), roles: 'auto' },
      provider: supabase({
        projectRef: 'abcdefghijklmnopqrst',
        accessToken: secret.env('SUPABASE_ACCESS_TOKEN'),
        apiUrl: process.env.SUPABASE_API_URL,
        statusUrl: process.env.SUPABASE_STATUS_URL,
      }),
      // AES-256 under OpenPGP, which stock gpg reads: to the team's key and to one that lies in a safe.
      encryption: {
        recipients: ['keys/team.asc', 'keys/recovery.asc'],
        privateKey: 'keys/team-private.asc',
        privateKeyPassphrase: secret.env('FLYNN_KEY_PASSPHRASE'),
        signingKey: 'keys/signing-private.asc',
        signers: ['keys/signing.asc'],
      },
      files: {
        config: { root: process.env.FLYNN_ROOT ?? '.', include: ['.env*', 'config/**'], exclude: ['**/*.log'] },
      },
      // Copied object by object; what did not change is not fetched again.
      objects: {
        uploads: {
          from: s3({ bucket: process.env.UPLOADS_BUCKET ?? 'flynn-uploads', region: 'eu-central-1', endpoint }),
          destinations: ['ireland', 'virginia'],
          retention: { keepWithin: '30d', minimum: 3 },
          rpo: '5h',
          schedule: { copy: '0 */4 * * *', verify: '15 3 * * 0', prune: '0 5 * * *', grace: '1h' },
        },
        // Seven years: each month's last state, in an archive tier.
        recordings: {
          from: s3({ bucket: process.env.RECORDINGS_BUCKET ?? 'flynn-recordings', region: 'eu-central-1', endpoint }),
          destinations: ['ireland'],
          storageClass: 'DEEP_ARCHIVE',
          retention: { keepWithin: '30d', monthly: 84, minimum: 3 },
          rpo: '26h',
          // What lies in an archive is there, with its lengths; reading it would have to be asked for, and paid.
          verify: { level: 'listed' },
          schedule: { copy: '0 1 * * *', verify: '30 1 * * *', prune: '30 5 * * 0' },
        },
      },
      // Three regions, each with 30 days.
      destinations: {
        frankfurt: {
          store: s3({ bucket, prefix: 'frankfurt', region: 'eu-central-1', endpoint, storageClasses: true }),
          retention: { keepWithin: '30d', minimum: 3 },
        },
        ireland: {
          store: s3({ bucket, prefix: 'ireland', region: 'eu-west-1', endpoint, storageClasses: true }),
          retention: { keepWithin: '30d', minimum: 3 },
        },
        virginia: {
          store: s3({ bucket, prefix: 'virginia', region: 'us-east-1', endpoint, storageClasses: true }),
          retention: { keepWithin: '30d', minimum: 3 },
        },
      },
      verify: {
        criticalTables: ['users', 'sessions', 'transcripts', 'recordings'],
        size: { min: process.env.BACKUP_MIN_SIZE ?? '1MB' },
        queries: [
          {
            name: 'no transcript without a session',
            sql: 'select count(*) from transcripts t left join sessions s on s.id = t.session_id where s.id is null',
            expect: 0,
          },
        ],
      },
      // Restores the newest backup, checks it, compares it, holds it against 30 minutes.
      drill: { scratch: 'local', interval: '8d' },
      // Beside Prometheus, which sees `backup_success`: whoever reads Slack learns what to type.
      notify: { slack: { webhook: secret.env('SLACK_WEBHOOK'), severities: ['critical', 'warning'] } },
      schedule: { backup: '0 */6 * * *', verify: '45 */6 * * *', drill: '0 9 * * 1', prune: '30 4 * * *' },
    },
  },
})
