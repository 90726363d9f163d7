import { z } from 'zod'
import type { StatusReport } from '../api/status.js'

const time = z.iso.datetime().describe('RFC 3339, in UTC')
const milliseconds = z.number().nonnegative()
const state = z.enum(['ok', 'warning', 'critical'])

const proof = z
  .strictObject({
    id: z.string().describe('Of the backup'),
    destination: z.string(),
    at: time,
    ok: z.boolean().describe('Whether nothing stands against the backup itself'),
    level: z.string(),
  })
  .nullable()

const finding = z.strictObject({
  product: z.string(),
  severity: z.enum(['critical', 'warning', 'info']),
  code: z.string().describe('See docs/errors.md'),
  subject: z
    .string()
    .nullable()
    .describe(
      'A destination, a job of the schedule, a key, an alert channel, a set of objects (uploads) or one in a destination (uploads offsite); null: the product',
    ),
  message: z.string(),
  hint: z.string().nullable(),
  since: time.nullable(),
})

const destination = z.strictObject({
  destination: z.string(),
  location: z.string(),
  reachable: z.boolean(),
  backups: z.number().int().nonnegative(),
  newest: z
    .strictObject({
      id: z.string(),
      createdAt: time,
      ageMs: milliseconds.describe('At checkedAt'),
      storedBytes: z.number().int().nonnegative(),
      rows: z.number().int().nonnegative().nullable(),
      durationMs: milliseconds,
      verified: z.boolean().nullable().describe('null: it was not read back yet'),
    })
    .nullable(),
})

const nextRun = z.strictObject({ job: z.string(), at: time }).nullable()

const objects = z.strictObject({
  set: z.string(),
  source: z.string(),
  rpoMs: milliseconds.nullable().describe('null: nobody said how old the newest snapshot may be'),
  destinations: z.array(
    z.strictObject({
      destination: z.string(),
      location: z.string(),
      reachable: z.boolean(),
      snapshots: z.number().int().nonnegative(),
      newest: z
        .strictObject({
          id: z.string(),
          createdAt: time,
          ageMs: milliseconds.describe('At checkedAt'),
          objects: z.number().int().nonnegative(),
          plainBytes: z.number().int().nonnegative(),
          storedBytes: z.number().int().nonnegative().describe('Of all content that it needs'),
          addedBytes: z.number().int().nonnegative().describe('What its run stored'),
          missed: z.number().int().nonnegative().describe('Objects that could not be read when it was made'),
          durationMs: milliseconds,
          verified: z.boolean().nullable().describe('null: its content was not read back yet'),
        })
        .nullable(),
      lastVerification: z
        .strictObject({
          id: z.string().describe('Of the snapshot'),
          destination: z.string(),
          at: time,
          ok: z.boolean(),
          level: z.string(),
          sample: z.number().describe('Which share was read'),
        })
        .nullable(),
    }),
  ),
  nextRun,
})

const report = {
  version: z.literal(1),
  checkedAt: time,
  state: state.describe('The worst of all products'),
  products: z.array(
    z.strictObject({
      product: z.string(),
      state,
      destinations: z.array(destination),
      lastVerification: proof,
      lastDrill: proof,
      nextRun,
      objects: z.array(objects).describe('Sets of objects that are copied beside the backups'),
      findings: z.array(finding).describe('Gravest first'),
    }),
  ),
}

/** The shape of a status, as it is written in JSON: `docs/status.schema.json` is made from it. */
export const statusReportSchema: z.ZodType<StatusReport> = z.strictObject(report)

/** What a status handler answers: a status, and how old it is. */
export const statusAnswerSchema: z.ZodType<StatusAnswer> = z.strictObject({
  ...report,
  ageMs: milliseconds.describe('How long ago checkedAt is, by the clock of whoever answers'),
  stale: z.boolean().describe('It is older than it should be: the stores could not be read again in time'),
})

export type StatusAnswer = StatusReport & { readonly ageMs: number; readonly stale: boolean }
