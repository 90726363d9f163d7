import type { ObjectsReport } from '../api/objects.js'
import type { Finding } from '../api/verification.js'
import { elapsedMs } from '../elapsed-ms.js'
import type { OpenMessage } from '../encryption/message-session.js'
import { isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import type { SealKeys } from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { PassingDigest } from '../streams/digest.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { critical } from '../verify/finding.js'
import { checkInventory } from './check-inventory.js'
import { type ChoiceJob, type ChosenContent, chooseContent, levelReached, tallyUnread } from './choose-content.js'
import { readContentLengths } from './content-lengths.js'
import { contentOf, marksOf, without } from './needed-content.js'
import type { ObjectEntry } from './object-entry.js'
import { contentKey, listingKey } from './object-layout.js'
import { groupByContent, openGroup } from './read-content.js'
import { rereading } from './rereading-store.js'
import { checkSnapshotSeal } from './snapshot.js'
import { readInventory, readListing, type StoredContent } from './snapshot-files.js'

export interface VerifyObjectsJob extends ChoiceJob {
  readonly level: ObjectsReport['level']
  /** Read only what this run stored. Default: everything. */
  readonly onlyRun?: string | undefined
  /** Told of each object, or content, that is passed over for that. */
  readonly onOther?: ((run: string, bytes: number) => void) | undefined
  /** Read only when the level needs it. */
  readonly opener: () => Promise<OpenMessage>
  readonly sealKeys: () => Promise<SealKeys>
  readonly random: (limit: number) => number
}

interface ReadCounts {
  read: number
  readBytes: number
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
  if (level !== 'listed') {
    const chosen = await chooseContent(job, lengths.archived)
    findings.push(...chosen.findings)
    if (level === 'content') findings.push(...(await sealFindings(job)))
    findings.push(...(await (level === 'stored' ? checkStored : checkContent)(job, chosen, read)))
  }
  if (snapshot.missed > 0)
    findings.push({
      severity: 'warning',
      code: 'objects-missed',
      message: `${snapshot.missed} objects could not be read when the snapshot was made`,
      hint: 'see the result of that run; the next one tries them again',
    })
  return {
    ...{ product, set, id: snapshot.id, destination, findings, objects: snapshot.objects, ...read },
    level: levelReached(level, findings),
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

async function checkStored(job: VerifyObjectsJob, choice: ChosenContent, read: ReadCounts): Promise<Finding[]> {
  const { product, set, snapshot, signal } = job
  const findings = await checkListing(job)
  const bad = collector('content-checksum')
  const unread = tallyUnread(job)
  async function* wanted() {
    for await (const one of readInventory(job, snapshot, signal)) if (choice.reads(one.run, one.number)) yield one
  }
  let done = 0
  const store = rereading(job, async () => marksOf(without(wanted(), done)))
  const chosen = sampled(wanted(), job, choice)
  const readOne = async ({ run, number, storedBytes, storedSha256 }: StoredContent) => {
    const key = contentKey(product, set, run, number)
    let digest: PassingDigest
    try {
      digest = await digestOf(store, key, signal, count => {
        read.readBytes += count
      })
    } catch (error) {
      const wrapped = wrapStoreError(error, { store, doing: `read ${key}`, signal })
      if (unread.took(wrapped, 1)) return
      if (!isOfContent(wrapped)) throw wrapped
      bad.add(wrapped.message)
      return
    }
    read.read += 1
    if (digest.bytes !== storedBytes || digest.sha256 !== storedSha256)
      bad.add(`${key} is not what was written: other bytes`)
    progress(job, read)
  }
  findings.push(
    ...(await collect(bad, async () => {
      for await (const _ of orderedParallel(chosen, readsAtOnce, readOne)) {
        done += 1
        throwIfCancelled(signal)
      }
    })),
  )
  return [...findings, ...unread.findings('content')]
}

/** Its stored bytes: without a key nobody reads more of it. */
async function checkListing({ store, product, set, snapshot, signal }: VerifyObjectsJob): Promise<Finding[]> {
  const key = listingKey(product, set, snapshot.id)
  const { storedBytes, storedSha256 } = snapshot.listing
  try {
    const { bytes, sha256 } = await digestOf(store, key, signal)
    if (bytes === storedBytes && sha256 === storedSha256) return []
    return [critical('listing-damaged', `${key} is not what its head records: other bytes`, elsewhere)]
  } catch (error) {
    const wrapped = wrapStoreError(error, { store, doing: `read ${key}`, signal })
    if (!isOfContent(wrapped)) throw wrapped
    return [critical('listing-damaged', wrapped.message, elsewhere)]
  }
}

async function digestOf(
  store: ObjectStore,
  key: string,
  signal: AbortSignal | undefined,
  onBytes?: (count: number) => void,
): Promise<PassingDigest> {
  const digest = new PassingDigest()
  for await (const chunk of store.get(key, { signal })) {
    digest.update(chunk)
    onBytes?.(chunk.byteLength)
  }
  return digest
}

async function checkContent(job: VerifyObjectsJob, choice: ChosenContent, read: ReadCounts): Promise<Finding[]> {
  const { snapshot, signal } = job
  const bad = collector('object-differs')
  const unread = tallyUnread(job)
  const open = await job.opener()
  async function* wanted() {
    for await (const entry of readListing(job, snapshot, open, signal))
      if (entry.content === null || choice.reads(entry.content.run, entry.content.number)) yield entry
  }
  let done = 0
  const store = rereading(job, async () => marksOf(contentOf(without(wanted(), done))))
  const source = { ...job, store, open }
  const groups = groupByContent(sampled(wanted(), job, choice))
  const readGroup = async (group: readonly ObjectEntry[]) => {
    let left = [...group]
    try {
      for await (const { entry, plain } of openGroup(source, group)) {
        try {
          for await (const chunk of plain) read.readBytes += chunk.byteLength
          read.read += 1
        } catch (error) {
          if (!unread.took(error, 1)) {
            if (!isOfContent(error)) throw error
            bad.add(`${entry.key}: ${(error as Error).message}`)
          }
        }
        left = left.slice(1)
      }
    } catch (error) {
      if (unread.took(error, left.length)) return group.length
      if (!isOfContent(error)) throw error
      for (const entry of left) bad.add(`${entry.key}: ${(error as Error).message}`)
    }
    progress(job, read)
    return group.length
  }
  const findings = await collect(bad, async () => {
    for await (const count of orderedParallel(groups, readsAtOnce, readGroup)) {
      done += count
      throwIfCancelled(signal)
    }
  })
  return [...findings, ...unread.findings('object')]
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

async function* sampled<T extends StoredContent | ObjectEntry>(
  all: AsyncIterable<T>,
  { random, onlyRun, onOther }: VerifyObjectsJob,
  { sample }: ChosenContent,
): AsyncGenerator<T> {
  const scale = 1_000_000
  for await (const one of all) {
    const run = 'run' in one ? one.run : one.content?.run
    if (onlyRun !== undefined && run !== undefined && run !== onlyRun) {
      onOther?.(run, 'run' in one ? one.storedBytes : one.sizeBytes)
      continue
    }
    if (sample >= 1 || random(scale) < sample * scale) yield one
  }
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
