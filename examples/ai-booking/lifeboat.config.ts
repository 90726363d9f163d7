import { defineConfig, secret } from '@lifeboat/core'
import { render } from '@lifeboat/provider-render'
import { s3 } from '@lifeboat/provider-s3'

export default defineConfig({
  products: {
    'ai-booking': {
      objectives: { rto: '4h', rpo: '24h' },
      source: { url: secret.env('BOOKING_DATABASE_URL') },
      // Its recovery window of 7 days, its exports, and the service that writes: paused around a restore.
      provider: render({
        postgresId: process.env.RENDER_POSTGRES_ID ?? 'dpg-booking',
        apiKey: secret.env('RENDER_API_KEY'),
        services: [process.env.RENDER_SERVICE_ID ?? 'srv-booking-api'],
        apiUrl: process.env.RENDER_API_URL,
        statusUrl: process.env.RENDER_STATUS_URL,
      }),
      encryption: { passphrase: secret.env('BOOKING_BACKUP_PASSPHRASE') },
      destinations: {
        // Locked for two weeks: a deploy that goes wrong, or whoever holds its key, removes nothing.
        offsite: {
          store: s3({
            bucket: process.env.BACKUP_BUCKET ?? 'booking-dr',
            region: 'eu-west-1',
            endpoint: process.env.S3_ENDPOINT,
            objectLock: true,
          }),
          objectLock: { mode: 'governance', days: 14 },
          retention: { keepWithin: '14d', weekly: 8, monthly: 12, minimum: 3 },
        },
      },
      verify: {
        criticalTables: ['customers', 'bookings', 'services', 'payments'],
        size: { min: process.env.BACKUP_MIN_SIZE ?? '1MB' },
        queries: [
          {
            name: 'no booking without a customer',
            sql: 'select count(*) from bookings b left join customers c on c.id = b.customer_id where c.id is null',
            expect: 0,
          },
        ],
      },
      // The monthly test of a full restore.
      drill: { scratch: 'local', interval: '31d' },
      notify: {
        slack: { webhook: secret.env('SLACK_WEBHOOK') },
        email: {
          smtp: secret.env('SMTP_URL'),
          from: 'Backups <backups@example.org>',
          to: ['oncall@example.org'],
          severities: ['critical'],
        },
      },
      schedule: { backup: '30 1 * * *', verify: '0 3 * * *', drill: '0 4 1 * *', prune: '0 5 * * 0' },
    },
  },
})
