import { randomBytes } from 'node:crypto'
import { throwIfCancelled } from '../errors/cancelled.js'
import { backupPrefix, newBackupId } from '../repository/layout.js'
import type { ObjectStore, Removal } from '../store/object-store.js'
import type { StorePosture } from '../store/store-posture.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { bytesOf } from '../streams/byte-source.js'
import type { PostureLine } from './judge-posture.js'

interface Probe {
  readonly product: string
  readonly store: ObjectStore
  readonly now: Date
  /** Null: the store has none. */
  readonly posture: StorePosture | null
  /** Whether backups are locked there. */
  readonly locked: boolean
}

/**
 * Tries what the credentials of a machine that backs up must not be able to do: write over an object, and delete one. It
 * touches an object of its own, under the name of a backup that never was: what is left of it is garbage that a sweep
 * finds.
 * @throws BackupError where it could not even write
 */
export async function probeRights(probe: Probe, signal: AbortSignal | undefined): Promise<PostureLine[]> {
  const { product, store, now, posture } = probe
  // As backups are, but not for as long.
  const until = new Date(now.getTime() + probeLockMs)
  const lock = probe.locked ? { lock: { mode: 'governance', until, legalHold: false } as const } : {}
  const key = `${backupPrefix(product, newBackupId(now))}probe.gpg`
  const body = `lifeboat doctor --probe ${randomBytes(8).toString('hex')}\n`
  const refused = async (doing: string, work: () => Promise<unknown>) => {
    try {
      await work()
      return false
    } catch (error) {
      throwIfCancelled(signal)
      const { code, message } = wrapStoreError(error, { store, doing, signal })
      if (code === 'store-auth-failed' || code === 'object-exists' || code === 'store-refused') return message
      throw wrapStoreError(error, { store, doing, signal })
    }
  }
  await store.put(key, bytesOf(body), { ifAbsent: true, signal, ...lock }).catch((error: unknown) => {
    throw wrapStoreError(error, { store, doing: `write ${key}`, signal })
  })
  const overwrite = await refused(`write over ${key}`, () => store.put(key, bytesOf(body), { signal, ...lock }))
  const remove = await refused(`remove ${key}`, () => store.remove(key, { signal }))
  const versions = posture?.versioning === 'on'
  // Where versions are kept, the object is only hidden by what was just allowed.
  const erase =
    store.removeForGood !== undefined && remove === false ? await store.removeForGood(key, { signal }) : undefined
  const gone = remove === false && (erase === undefined || erase.state === 'gone')
  const removed = gone || erase?.state === 'removed'
  const hint =
    store.policy === undefined
      ? 'a place like this cannot refuse its owner: keep a second one, under Object Lock or with another key'
      : '`lifeboat policy --for writer` prints a policy without that right'
  return [
    overwrite === false
      ? overwriteAllowed(versions, hint)
      : { ok: true, message: 'this key cannot write over what is there', hint: null },
    remove === false
      ? removeAllowed(versions, erase?.state ?? 'gone', hint)
      : { ok: true, message: 'this key cannot delete', hint: null },
    ...(removed
      ? []
      : [{ ok: true, message: `the probe left ${key}`, hint: '`lifeboat sweep --apply` removes it after a day' }]),
  ]
}

/** How long a probe stays locked where backups are. */
const probeLockMs = 5 * 60_000

function overwriteAllowed(versions: boolean, hint: string): PostureLine {
  if (versions)
    return {
      ok: true,
      message: 'this key can write over what is there, which then stays as an older version',
      hint: null,
    }
  return { ok: false, message: 'this key can write over what is there, and no version is kept', hint }
}

function removeAllowed(versions: boolean, state: Removal['state'], hint: string): PostureLine {
  if (state === 'gone') return { ok: false, message: 'this key can delete for good', hint }
  if (state === 'removed')
    return { ok: false, message: 'this key can delete; whether older versions are kept, the place does not tell', hint }
  const kept = versions ? ', which then stays as an older version' : ''
  return { ok: false, message: `this key can hide what is there${kept}`, hint }
}
