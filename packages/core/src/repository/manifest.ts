import { z } from 'zod'
import { sealSchema } from '../seal/seal.js'
import { isBackupId, isProductName } from './layout.js'

/** The format that this version writes; readers refuse another major version. */
export const manifestFormat = 'lifeboat/1'

/** Keeps members it does not know, which a seal covers too; the type speaks of the known ones only. */
const object = z.looseObject as typeof z.object

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const bytes = z.number().int().nonnegative()
const time = z.iso.datetime({ precision: undefined })

export const artifactSchema = object({
  name: z.string().min(1).max(200),
  key: z.string().min(1).max(900),
  /** `export`: what a provider exported, as it made it. */
  kind: z.enum(['database', 'roles', 'files', 'export']),
  storedBytes: bytes,
  storedSha256: hash,
  plainBytes: bytes,
  /** Of all plain bytes. Absent where `frameSha256` and the hashes of tables and large objects cover them. */
  plainSha256: hash.optional(),
  /** Of the plain bytes of an archive that are neither rows nor large objects. See `docs/format.md`. */
  frameSha256: hash.optional(),
  /** What a bundle of files holds; their names are in the artifact alone. See `docs/format.md`. */
  files: object({
    files: bytes,
    folders: bytes,
    links: bytes,
    /** Of the files' content, holes included. */
    bytes: bytes,
    /** Over a salt in the artifact and every entry: kind, mode, size, name, and the SHA-256 of its content. */
    entriesSha256: hash,
    /** How many changed while they were read. */
    changed: bytes,
    /** How many could not be read, or are nothing that a backup can hold (sockets, pipes, devices). */
    leftOut: bytes,
  }).optional(),
  /** How many roles there are. */
  roles: object({ count: bytes }).optional(),
  codec: z.enum(['gzip', 'zstd', 'none']),
  encryption: z.discriminatedUnion('kind', [
    object({ kind: z.literal('passphrase') }),
    object({ kind: z.literal('recipients'), fingerprints: z.array(z.string().regex(/^[0-9a-f]{40,64}$/)).min(1) }),
  ]),
})

export const tableSchema = object({
  schema: z.string(),
  name: z.string(),
  rows: bytes,
  bytes: bytes,
  sha256: hash,
  /** Rows the server counted in the dump's own snapshot, where it was asked. */
  snapshotRows: bytes.optional(),
})

export const manifestSchema = object({
  format: z.string(),
  id: z.string().refine(isBackupId, 'not the id of a backup'),
  product: z.string().refine(isProductName, 'not the name of a product'),
  createdAt: time,
  finishedAt: time,
  reason: z.string().max(200),
  labels: z.record(z.string(), z.string()),
  tool: object({ name: z.string(), version: z.string() }),
  source: object({
    serverVersion: z.string(),
    database: z.string(),
    databaseBytes: bytes,
    encoding: z.string(),
    extensions: z.array(object({ name: z.string(), version: z.string() })),
    pgDumpVersion: z.string(),
    /** Whether the critical tables were counted in the dump's snapshot, and why not where they were not. */
    snapshotCounts: object({ taken: z.boolean(), why: z.string().nullable() }),
  }),
  artifacts: z.array(artifactSchema).min(1),
  /** `null`: the archive is of a version this tool cannot read; `pg_restore --list` judges it. */
  tables: z.array(tableSchema).nullable(),
  /** What the archive's table of contents holds, by kind (`TABLE`, `INDEX`, …). `null` as for `tables`. */
  contents: z.record(z.string(), bytes).nullable().default(null),
  /** Critical tables that are partitioned, and the leaves that hold their rows. */
  partitions: z
    .array(
      object({
        schema: z.string(),
        name: z.string(),
        leaves: z.array(object({ schema: z.string(), name: z.string() })),
      }),
    )
    .optional(),
  /** The large objects together; the hash is over `oid:bytes` of each. `null` as for `tables`. */
  largeObjects: object({ count: bytes, bytes: bytes, sha256: hash }).nullable().default(null),
  destinations: z.array(
    object({ name: z.string(), outcome: z.enum(['stored', 'failed']), code: z.string().optional() }),
  ),
  /** The backup that this one was encrypted anew from, for other keys; nothing else of it differs. */
  rotatedFrom: object({ id: z.string(), manifestSha256: hash, at: time }).optional(),
  /** Proof of authorship over everything else; `null`: nobody vouches. See `docs/format.md`. */
  seal: sealSchema.nullable(),
})

/** The record of one backup; written last, and only when every byte of it is in place. See `docs/format.md`. */
export type Manifest = z.infer<typeof manifestSchema>
export type Artifact = z.infer<typeof artifactSchema>
export type TableRecord = z.infer<typeof tableSchema>
