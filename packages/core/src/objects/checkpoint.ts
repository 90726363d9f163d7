import { z } from 'zod'
import { jsonExcess } from '../repository/json-excess.js'
import { isBackupId } from '../repository/layout.js'
import { canonicalJson } from '../seal/canonical-json.js'
import { type DeriveKey, judgeSeal, type Seal, type SealKeys, type SealVerdict, sealSchema } from '../seal/seal.js'
import { encryptionSchema } from './snapshot.js'

export const checkpointFormat = 'lifeboat-objects-checkpoint/1'

/** Keeps members it does not know, which a seal covers too; the type speaks of the known ones only. */
const object = z.looseObject as typeof z.object
const count = z.number().int().nonnegative()

/**
 * What a run had stored when it wrote this: a list beside it, encrypted as a listing is, with lines of an inventory and of a
 * listing. No snapshot: nothing can be restored from it alone, and the next run takes it over (docs/decisions/0047).
 */
const checkpointSchema = object({
  format: z.literal(checkpointFormat),
  run: z.string().refine(isBackupId),
  /** From 1, without gaps; each says what came since the one before. */
  number: count,
  product: z.string(),
  set: z.string(),
  /** When its run began. */
  createdAt: z.iso.datetime(),
  at: z.iso.datetime(),
  list: object({ storedBytes: count, storedSha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  encryption: encryptionSchema,
  seal: sealSchema.nullable(),
})
export type Checkpoint = z.infer<typeof checkpointSchema>

/** A head is a few hundred bytes, and some for each recipient. */
export const maxCheckpointBytes = 64 * 1024

/** A checkpoint, or undefined where these bytes are none that this version reads. */
export function parseCheckpoint(bytes: Buffer): Checkpoint | undefined {
  if (jsonExcess(bytes, maxCheckpointBytes) !== undefined) return undefined
  try {
    return checkpointSchema.safeParse(JSON.parse(bytes.toString('utf8'))).data
  } catch {
    return undefined
  }
}

export async function sealCheckpoint(
  checkpoint: Checkpoint,
  seal: ((message: Buffer) => Promise<Seal>) | undefined,
): Promise<Checkpoint> {
  return { ...checkpoint, seal: (await seal?.(sealedMessage(checkpoint))) ?? null }
}

export function checkCheckpointSeal(checkpoint: Checkpoint, keys: SealKeys, keyOf: DeriveKey): Promise<SealVerdict> {
  return judgeSeal(sealedMessage(checkpoint), checkpoint.seal, keys, keyOf)
}

function sealedMessage(checkpoint: Checkpoint): Buffer {
  return Buffer.from(`lifeboat objects checkpoint 1\n${canonicalJson({ ...checkpoint, seal: null })}`)
}
