import type { ObjectsReport } from '../api/objects.js'
import type { Finding } from '../api/verification.js'
import { elapsedMs } from '../elapsed-ms.js'
import type { OpenMessage } from '../encryption/message-session.js'
import { isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import type { EventListener } from '../events/backup-event.js'
import type { SealKeys } from '../seal/seal.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { PassingDigest } from '../streams/digest.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { critical } from '../verify/finding.js'
import { checkInventory } from './check-inventory.js'
import { readContentLengths } from './content-lengths.js'
import type { ObjectEntry } from './object-entry.js'
import { contentKey } from './object-layout.js'
import { groupByContent, openGroup } from './read-content.js'
import { checkSnapshotSeal, type Snapshot, type SnapshotPlace } from './snapshot.js'
import { readInventory, readListing, type StoredContent } from './snapshot-files.js'

export interface VerifyObjectsJob extends SnapshotPlace {
  readonly destination: string
  readonly snapshot: Snapshot
  readonly level: ObjectsReport['level']
  /** Above 0, up to 1. */
  readonly sample: number
  /** Read only when the level needs it. */
  readonly opener: () => Promise<OpenMessage>
  readonly sealKeys: () => Promise<SealKeys>
  readonly now: () => Date
  readonly random: (limit: number) => number
  readonly emit: EventListener
  readonly signal: AbortSignal | undefined
}

const readsAtOnce = 6
const mostNamed = 100

/** Checks a snapshot up to a level. Findings are values; it throws only when it could not run. */
export async function verifyObjects(job: VerifyObjectsJob): Promise<ObjectsReport> {
  const { product, set, snapshot, level, destination, signal } = job
  const startedAt = job.now()
  const findings: Finding[] = []
  const read = { read: 0, readBytes: 0 }
  const lengths = await readContentLengths(job, signal)
  findings.push(...(await checkInventory(job, snapshot, lengths, signal)))
  if (level === 'stored') findings.push(...(await checkStored(job, read)))
  if (level === 'content') {
    findings.push(...(await sealFindings(job)))
    findings.push(...(await checkContent(job, read)))
  }
  if (snapshot.missed > 0)
    findings.push({
      severity: 'warning',
      code: 'objects-missed',
      message: `${snapshot.missed} objects could not be read when the snapshot was made`,
      hint: 'see the result of that run; the next one tries them again',
    })
  return {
    ...{ product, set, id: snapshot.id, destination, level, findings, objects: snapshot.objects, ...read },
    ok: findings.every(({ severity }) => severity !== 'critical'),
    durationMs: elapsedMs(startedAt, job.now()),
  }
}

/** Counts what is wrong, and names the first hundred. */
function collector(code: string) {
  const named: Finding[] = []
  let count = 0
  return {
    add(message: string) {
      count += 1
      if (named.length < mostNamed) named.push(critical(code, message, elsewhere))
    },
    findings: () =>
      count > mostNamed ? [...named, critical(code, `and ${count - mostNamed} more`, elsewhere)] : named,
  }
}

async function checkStored(job: VerifyObjectsJob, read: { read: number; readBytes: number }): Promise<Finding[]> {
  const { store, product, set, snapshot, signal } = job
  const bad = collector('content-checksum')
  const chosen = sampled(readInventory(job, snapshot, signal), job)
  const readOne = async ({ run, number, storedBytes, storedSha256 }: StoredContent) => {
    const key = contentKey(product, set, run, number)
    const digest = new PassingDigest()
    try {
      for await (const chunk of store.get(key, { signal })) {
        digest.update(chunk)
        read.readBytes += chunk.byteLength
      }
    } catch (error) {
      const wrapped = wrapStoreError(error, { store, doing: `read ${key}`, signal })
      if (!isOfContent(wrapped)) throw wrapped
      bad.add(wrapped.message)
      return
    }
    read.read += 1
    if (digest.bytes !== storedBytes || digest.sha256 !== storedSha256)
      bad.add(`${key} is not what was written: other bytes`)
    progress(job, read)
  }
  return collect(bad, async () => {
    for await (const _ of orderedParallel(chosen, readsAtOnce, readOne)) throwIfCancelled(signal)
  })
}

async function checkContent(job: VerifyObjectsJob, read: { read: number; readBytes: number }): Promise<Finding[]> {
  const { snapshot, signal } = job
  const bad = collector('object-differs')
  const open = await job.opener()
  const source = { ...job, open }
  const groups = groupByContent(sampled(readListing(job, snapshot, open, signal), job))
  const readGroup = async (group: readonly ObjectEntry[]) => {
    let left = [...group]
    try {
      for await (const { entry, plain } of openGroup(source, group)) {
        try {
          for await (const chunk of plain) read.readBytes += chunk.byteLength
          read.read += 1
        } catch (error) {
          if (!isOfContent(error)) throw error
          bad.add(`${entry.key}: ${(error as Error).message}`)
        }
        left = left.slice(1)
      }
    } catch (error) {
      if (!isOfContent(error)) throw error
      for (const entry of left) bad.add(`${entry.key}: ${(error as Error).message}`)
    }
    progress(job, read)
  }
  return collect(bad, async () => {
    for await (const _ of orderedParallel(groups, readsAtOnce, readGroup)) throwIfCancelled(signal)
  })
}

/** A listing or an inventory that cannot be read is a finding as well. */
async function collect(bad: ReturnType<typeof collector>, work: () => Promise<void>): Promise<Finding[]> {
  try {
    await work()
    return bad.findings()
  } catch (error) {
    if (!isOfContent(error)) throw error
    return [...bad.findings(), critical('listing-damaged', (error as Error).message, elsewhere)]
  }
}

function isOfContent(error: unknown): boolean {
  return isBackupError(error, 'object-damaged') || isBackupError(error, 'object-missing')
}

async function* sampled<T>(all: AsyncIterable<T>, { sample, random }: VerifyObjectsJob): AsyncGenerator<T> {
  const scale = 1_000_000
  for await (const one of all) if (sample >= 1 || random(scale) < sample * scale) yield one
}

function progress({ emit }: VerifyObjectsJob, { read, readBytes }: { read: number; readBytes: number }): void {
  emit({ type: 'stage.progressed', stage: 'verify', doneBytes: readBytes, totalBytes: null, detail: `${read} read` })
}

async function sealFindings(job: VerifyObjectsJob): Promise<Finding[]> {
  const { product, set, snapshot } = job
  const name = `${product}/${set}/${snapshot.id}`
  const keys = await job.sealKeys()
  switch (await checkSnapshotSeal(snapshot, keys)) {
    case 'sound':
      return []
    case 'wrong':
      return [
        critical('seal-wrong', `the head of ${name} was not written by a holder of the key, or was changed`, elsewhere),
      ]
    case 'unsealed': {
      const message = `the head of ${name} is not sealed: nothing proves who wrote it`
      if (keys.expected !== undefined) return [critical('manifest-unsealed', message, elsewhere)]
      const hint = 'set encryption.signingKey, and the next snapshots are'
      return [{ severity: 'warning', code: 'manifest-unsealed', message, hint }]
    }
    case 'unproven': {
      const message = `the head of ${name} is sealed, and no key is at hand to check the seal with`
      const hint = 'name the public key of the machine that copies in encryption.signers'
      return [{ severity: 'warning', code: 'seal-unproven', message, hint }]
    }
  }
}

const elsewhere =
  'use another snapshot or destination; the next `lifeboat objects backup --full` stores everything anew'
