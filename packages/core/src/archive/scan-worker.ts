import { parentPort, workerData } from 'node:worker_threads'
import { isBackupError } from '../errors/backup-error.js'
import { type FromScanWorker, type ScanMode, Scanning, scanBufferBytes, type ToScanWorker } from './scan-stage.js'

const port = parentPort
if (port === null) throw new Error('this file runs as a worker thread of the scan stage')

const scanning = new Scanning(workerData as ScanMode, write)

/** Buffers that came back; what is under way is bounded by what the other side sends before it takes. */
const free: ArrayBuffer[] = []
let filling: Uint8Array | undefined
let filled = 0

port.on('message', (message: ToScanWorker) => {
  try {
    if (message.type === 'returned') {
      free.push(message.buffer)
      return
    }
    if (message.type === 'end') {
      const scan = scanning.finish()
      if (filled > 0) flush()
      answer({ type: 'done', scan })
      return
    }
    scanning.push(new Uint8Array(message.buffer, 0, message.length))
    answer({ type: 'returned', buffer: message.buffer }, [message.buffer])
  } catch (error) {
    if (!isBackupError(error)) throw error
    answer({ type: 'failed', code: error.code, message: error.message, hint: error.hint })
  }
})

function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength; ) {
    filling ??= new Uint8Array(free.pop() ?? new ArrayBuffer(scanBufferBytes))
    const take = Math.min(scanBufferBytes - filled, bytes.byteLength - at)
    filling.set(take === bytes.byteLength ? bytes : bytes.subarray(at, at + take), filled)
    filled += take
    at += take
    if (filled === scanBufferBytes) flush()
  }
}

function flush(): void {
  const buffer = filling!.buffer as ArrayBuffer
  answer({ type: 'bytes', buffer, length: filled }, [buffer])
  filling = undefined
  filled = 0
}

function answer(message: FromScanWorker, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}
