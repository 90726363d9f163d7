import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { createInterface } from 'node:readline'
import { directory, type LifeboatConfig, openLifeboat, secret } from '@lifeboat/core'

/*
 * A process of its own that backs up or prunes, and kills itself with a real SIGKILL at a moment that it is told: before
 * the n-th of its changes to the folder of its store, or at the n-th event, all counted together. It starts first and
 * then waits for one line with the order, so that a test can keep the next one ready while it looks at the last one.
 */

/** What a mortal process is told to do. */
export interface MortalOrder {
  readonly work: 'backup' | 'prune'
  /** One folder store for each. */
  readonly folders: readonly string[]
  readonly url: string
  readonly pgTools: { readonly folder: string; readonly major: number; readonly version: string }
  readonly keys: { readonly publicKey: string; readonly privateKey: string; readonly signingKey: string }
  /** Its clock is so far ahead. */
  readonly aheadMs: number
  readonly leaseMs: number
  /** The moment at which it dies, from 0; one that never comes lets it end. */
  readonly dieAt: number
}

let moments = 0
let order: MortalOrder | undefined

/** One more moment; at the chosen one, this process ends here. */
function pass(before: () => void = () => {}): void {
  if (order === undefined || moments++ !== order.dieAt) return
  before()
  process.kill(process.pid, 'SIGKILL')
  // The signal is on its way; nothing more must happen until it is here.
  for (;;);
}

const inStore = (path: unknown) => order?.folders.some(folder => String(path).startsWith(folder)) === true

/** Counts every call that changes the store's folder, in the functions that the store imports. */
function watchFileSystem(): void {
  const promises = fs.promises as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  for (const name of ['mkdir', 'link', 'rename', 'unlink', 'rmdir']) {
    const real = promises[name]!
    promises[name] = (...args) => {
      if (inStore(args[0])) pass()
      return real(...args)
    }
  }
  const open = promises.open!
  promises.open = async (path, flags, ...rest) => {
    const writes = inStore(path) && typeof flags === 'string' && flags.startsWith('w')
    if (writes) pass()
    const file = (await open(path, flags, ...rest)) as fs.promises.FileHandle
    if (writes) watchFile(file)
    return file
  }
  syncBuiltinESMExports()
}

/** Half of a write may have happened when a process dies in it. */
function watchFile(file: fs.promises.FileHandle): void {
  const write = file.write.bind(file) as (bytes: Uint8Array, offset: number, length: number) => Promise<unknown>
  const sync = file.sync.bind(file)
  Object.assign(file, {
    write: (bytes: Uint8Array, offset: number, length: number) => {
      pass(() => fs.writeSync(file.fd, bytes, offset, length >> 1))
      return write(bytes, offset, length)
    },
    sync: () => {
      pass()
      return sync()
    },
  })
}

function configOf({ url, folders, keys }: MortalOrder): LifeboatConfig {
  return {
    products: {
      shop: {
        source: { url: secret.value(url) },
        encryption: { recipients: [keys.publicKey], privateKey: keys.privateKey, signingKey: keys.signingKey },
        destinations: Object.fromEntries(
          folders.map((folder, index) => [
            `place-${index}`,
            { store: directory(folder), retention: { last: 1, minimum: 1 } },
          ]),
        ),
        verify: { criticalTables: ['orders'] },
      },
    },
  }
}

/** Waits for the order, and works until it dies or is done. */
export async function main(): Promise<void> {
  watchFileSystem()
  process.stdout.write('ready\n')
  for await (const line of createInterface({ input: process.stdin })) {
    order = JSON.parse(line) as MortalOrder
    const { aheadMs, leaseMs, pgTools } = order
    const now = () => new Date(Date.now() + aheadMs)
    const deps = { now, lockLeaseMs: leaseMs, findPgTools: async () => [pgTools] }
    const lifeboat = await openLifeboat(configOf(order), { deps })
    // Progress comes by the clock: at a moment of its own a run would not die at the same place twice.
    const onEvent = ({ type }: { readonly type: string }) => {
      if (type !== 'stage.progressed') pass()
    }
    if (order.work === 'backup') await lifeboat.backup('shop', { onEvent })
    else await lifeboat.prune('shop', { apply: true, onEvent })
    process.stdout.write(`done ${moments}\n`)
    break
  }
  process.exit()
}
