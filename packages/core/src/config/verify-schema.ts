import { z } from 'zod'
import { duration, secretReference, size, text } from './values.js'

const sizeRange = z
  .strictObject({ min: size.optional(), max: size.optional() })
  .refine(({ min, max }) => min === undefined || max === undefined || min <= max, 'min is larger than max')

const fraction = z.number().min(0, 'expected a fraction such as 0.1')

const numberRange = z
  .strictObject({ min: z.number().optional(), max: z.number().optional() })
  .refine(({ min, max }) => min === undefined || max === undefined || min <= max, 'min is larger than max')

/** A question that good data answers as expected. */
export const querySchema = z.strictObject({
  /** As findings name it. */
  name: text,
  /** One statement that only reads. */
  sql: text,
  /** One number, a range of it, no rows at all, or what the source answers at the same time. */
  expect: z.union(
    [z.number(), numberRange, z.literal('no rows'), z.literal('equal to source')],
    "expected a number, { min, max }, 'no rows' or 'equal to source'",
  ),
  /** Default: 30s. */
  timeout: duration.optional(),
})

export const verifySchema = z
  .strictObject({
    /** `table` or `schema.table`; without a schema, `public` is meant. */
    criticalTables: z.array(text).default([]),
    /** What a backup's stored size must lie in. Default: any. */
    size: sizeRange.default({}),
    /** How far the live rows of a critical table may be from the backup's: 0.1 is ten per cent. Default: not judged. */
    rowTolerance: z
      .union(
        [fraction, z.strictObject({ default: fraction.optional(), tables: z.record(text, fraction).default({}) })],
        'expected a fraction such as 0.1, or { default, tables }',
      )
      .optional(),
    /** Live tables up to this size are counted; of larger ones the planner's estimate is taken. Default: 1GB. */
    countUpTo: size.optional(),
    /** Functions and procedures that must be there, `name` or `schema.name`. */
    functions: z.array(text).default([]),
    /** How many row-level security policies there must be at least. */
    policies: z.strictObject({ atLeast: z.number().int().nonnegative() }).optional(),
    queries: z.array(querySchema).default([]),
    /** A row for every verification and drill in the table `backup_verification_log`. Default: none. */
    log: z
      .strictObject({
        /** Where the table is. Default: the source. */
        url: secretReference.optional(),
        /** Rows older than this are deleted. Default: never. */
        pruneAfter: duration.optional(),
      })
      .optional(),
  })
  .prefault({})

/** A data-quality query with its defaults. */
export type QualityQuery = z.output<typeof querySchema>
