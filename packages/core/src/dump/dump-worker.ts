import { parentPort } from 'node:worker_threads'
import type { Scan } from '../archive/scan-stage.js'
import { isBackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import { inBlocks } from '../streams/blocks.js'
import type { FromDumpWorker, ToDumpWorker } from './dump-thread.js'
import { type DumpWork, packHere } from './pack-dump.js'

/** What is sent at once, and how much of it may be under way: the other side takes it as fast as the stores do. */
const sendBytes = 2 ** 18
const mostUnderWay = 8

const port = parentPort
if (port === null) throw new Error('this file runs as the thread of a dump')

const stopping = new AbortController()
let underWay = 0
let wake = () => {}

const begun = new Promise<DumpWork | undefined>(resolve => {
  port.on('message', (message: ToDumpWorker) => {
    switch (message.type) {
      case 'begin':
        resolve(message.work)
        break
      case 'taken':
        underWay -= 1
        break
      case 'stop':
        stopping.abort()
        resolve(undefined)
    }
    wake()
  })
})

const work = await begun
try {
  if (work !== undefined) await pack(work)
} catch (error) {
  if (!isBackupError(error)) throw error
  say({ type: 'failed', code: error.code, message: error.message, hint: error.hint })
} finally {
  port.close()
}

async function pack(work: DumpWork): Promise<void> {
  let scan: Scan | undefined
  const packed = packHere(work, {
    done: one => {
      scan = one
    },
    emit: event => say({ type: 'event', event }),
    signal: stopping.signal,
  })
  // Buffers of their own, given away for good: whoever gets them may keep them.
  for await (const bytes of inBlocks(packed, sendBytes)) await send(bytes as Buffer<ArrayBuffer>)
  if (scan === undefined) throw new Error('a dump ended without its scan')
  say({ type: 'done', scan })
}

async function send(bytes: Buffer<ArrayBuffer>): Promise<void> {
  while (underWay >= mostUnderWay) {
    if (stopping.signal.aborted) throw cancellation(stopping.signal)
    await new Promise<void>(resolve => {
      wake = resolve
    })
  }
  underWay += 1
  say({ type: 'bytes', bytes }, [bytes.buffer])
}

function say(message: FromDumpWorker, transfer: ArrayBuffer[] = []): void {
  port!.postMessage(message, transfer)
}
