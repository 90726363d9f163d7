import { defineConfig, directory, secret } from '@lifeboat/core'
import { s3 } from '@lifeboat/provider-s3'
import { supabase } from '@lifeboat/provider-supabase'

export default defineConfig({
  products: {
    voxanne: {
      objectives: { rto: '1h', rpo: '24h' },
      source: { url: secret.env('VOXANNE_DATABASE_URL') },
      // Its daily backups and point-in-time recovery: `lifeboat list --provider`, `lifeboat pitr`.
      provider: supabase({
        projectRef: 'abcdefghijklmnopqrst',
        accessToken: secret.env('SUPABASE_ACCESS_TOKEN'),
        apiUrl: process.env.SUPABASE_API_URL,
        statusUrl: process.env.SUPABASE_STATUS_URL,
      }),
      // The team's key, and one that lies in a safe: `lifeboat keys generate` makes them.
      encryption: {
        recipients: ['keys/team.asc', 'keys/recovery.asc'],
        privateKey: 'keys/team-private.asc',
        privateKeyPassphrase: secret.env('VOXANNE_KEY_PASSPHRASE'),
        signingKey: 'keys/signing-private.asc',
        signers: ['keys/signing.asc'],
        proveEvery: '90d',
      },
      destinations: {
        local: {
          store: directory(process.env.BACKUP_FOLDER ?? '/backups'),
          retention: { keepWithin: '30d', minimum: 3 },
        },
        // With another provider than the database's: what is left when the account is gone.
        offsite: {
          store: s3({
            bucket: process.env.BACKUP_BUCKET ?? 'voxanne-dr',
            region: 'eu-central-1',
            endpoint: process.env.S3_ENDPOINT,
          }),
          retention: { daily: 30, monthly: 12, minimum: 3 },
        },
      },
      verify: {
        criticalTables: [
          'organizations',
          'profiles',
          'agents',
          'appointments',
          'contacts',
          'call_logs',
          'knowledge_base_chunks',
        ],
        rowTolerance: 0.1,
        size: { min: process.env.BACKUP_MIN_SIZE ?? '10MB', max: '5GB' },
        functions: ['book_appointment_with_lock', 'cleanup_old_webhook_logs'],
        policies: { atLeast: 20 },
        queries: [
          {
            name: 'no orphaned appointments',
            sql: 'select count(*) from appointments a left join contacts c on c.id = a.contact_id where c.id is null',
            expect: 0,
          },
          {
            name: 'no contact twice',
            sql: 'select organization_id, phone from contacts group by 1, 2 having count(*) > 1',
            expect: 'no rows',
          },
          {
            name: 'no impossible dates',
            sql: "select id from appointments where ends_at <= starts_at or starts_at > now() + interval '5 years'",
            expect: 'no rows',
          },
        ],
        // The trend of 90 days, where the team's dashboards already look.
        log: { pruneAfter: '90d' },
      },
      drill: { scratch: 'local', interval: '35d' },
      notify: {
        slack: { webhook: secret.env('SLACK_WEBHOOK'), severities: ['critical', 'warning'] },
      },
      // In UTC; the drill on each month's last Friday.
      schedule: { backup: '0 2 * * *', verify: '0 5 * * *', drill: '0 10 * * 5L', prune: '0 6 * * 0' },
    },
  },
})
