import { z } from 'zod'

const milliseconds = z.number().nonnegative()
const bytes = z.number().int().nonnegative()
const count = z.number().int().nonnegative()

const findingSchema = z.object({
  severity: z.enum(['critical', 'warning', 'info']),
  code: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
})

/** One thing that was looked at, whether or not it gave a finding. */
export const checkSchema = z.object({
  /** Stable for the same check of the same product: `size`, `critical table orders`, `query no orphans`. */
  name: z.string(),
  /** Whether it gave no critical finding. */
  ok: z.boolean(),
  /** What was seen, for people; `null` where there is nothing to say. */
  detail: z.string().nullable(),
})

/** A step of a drill. Steps may overlap: what streams together is one step, named after all of its parts. */
export const drillStepSchema = z.object({
  step: z.string(),
  /** From the start of the drill. */
  startedAfterMs: milliseconds,
  durationMs: milliseconds,
})

const shared = {
  product: z.string(),
  /** The backup. */
  id: z.string(),
  destination: z.string(),
  /** When it ended. */
  at: z.iso.datetime(),
  durationMs: milliseconds.default(0),
  /** Whether nothing stands against the backup itself: what retention asks. Objectives and the live database do not count. */
  ok: z.boolean(),
  /** What was read: a record speaks of these bytes only. */
  storedSha256: z.array(z.string()),
  /** And of this manifest only: another time in it would change which backups retention keeps. Absent in older records. */
  manifestSha256: z.string().optional(),
  findings: z.array(findingSchema).default([]),
  checks: z.array(checkSchema).default([]),
  /** Of the backup, so that a trend outlives it. `null` in records of older versions. */
  backupCreatedAt: z.iso.datetime().nullable().default(null),
  storedBytes: bytes.nullable().default(null),
  plainBytes: bytes.nullable().default(null),
  /** `null` also where the archive is of an unknown version. */
  tables: count.nullable().default(null),
  rows: count.nullable().default(null),
}

/** One verification, without a restore. Records of older versions have no `kind`. */
export const verificationRecordSchema = z.object({
  ...shared,
  kind: z.literal('verification').default('verification'),
  level: z.enum(['listed', 'stored', 'content', 'restored']),
  /** Whether the live database was looked at, too. */
  live: z.boolean().default(false),
})

/** One restore into a scratch database, checked and timed. */
export const drillRecordSchema = z.object({
  ...shared,
  kind: z.literal('drill'),
  level: z.literal('restored'),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  /** In the order of their start; together the timeline of the drill. */
  steps: z.array(drillStepSchema),
  /** What was compared with the manifest and the archive; `null` where the drill did not come so far. */
  proof: z
    .object({
      /** `content`: rows, SHA-256, definitions, sequences and large objects; `counts`: rows of every table only. */
      kind: z.enum(['content', 'counts']),
      tables: count,
      rows: count,
      /** Of the tables, those whose rows were only counted: an extension's own, and partitions loaded through their root. */
      countedOnly: count,
      sequences: count,
      largeObjects: count,
      /** Entries of the table of contents. */
      entries: count,
      differences: count,
    })
    .nullable(),
  objectives: z.object({
    /** Age of the data at the start of the drill. */
    ageMs: milliseconds,
    rpoMs: milliseconds.nullable(),
    /** `null` where no objective is configured. */
    rpoMet: z.boolean().nullable(),
    /** From the start until the data could be used: without checks, proof and tear down. What an estimate is made from. */
    recoveryMs: milliseconds,
    /** The whole drill: what the RTO is held against. */
    totalMs: milliseconds,
    rtoMs: milliseconds.nullable(),
    rtoMet: z.boolean().nullable(),
  }),
  scratch: z.object({
    /** `local`: a server started for the drill; `server`: a database made on a configured one. */
    kind: z.enum(['local', 'server']),
    serverVersion: z.string().nullable(),
  }),
  /** What was left out of the restore on purpose. */
  leftOut: z.array(z.object({ entry: z.string(), reason: z.string() })),
  /** Size of the source when the backup was made, as its server reported it. */
  databaseBytes: bytes,
})

/** What lies under `<product>/verifications/`: one object per verification or drill, written once. See `docs/format.md`. */
export const proofRecordSchema = z.union([drillRecordSchema, verificationRecordSchema])

export type VerificationRecord = z.infer<typeof verificationRecordSchema>
export type DrillRecord = z.infer<typeof drillRecordSchema>
export type ProofRecord = z.infer<typeof proofRecordSchema>
export type DrillStep = z.infer<typeof drillStepSchema>
/** One thing that a verification or drill looked at. */
export type Check = z.infer<typeof checkSchema>
