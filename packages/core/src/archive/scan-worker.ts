import { parentPort, workerData } from 'node:worker_threads'
import { isBackupError } from '../errors/backup-error.js'
import { type FromScanWorker, Scanning, type ToScanWorker } from './scan-stage.js'

const port = parentPort
if (port === null) throw new Error('this file runs as a worker thread of the scan stage')

const scanning = new Scanning(workerData as 'look' | 'hash')

port.on('message', (message: ToScanWorker) => {
  try {
    if (message.type === 'end') {
      answer({ type: 'done', scan: scanning.finish() })
      return
    }
    scanning.push(new Uint8Array(message.buffer, 0, message.length))
    answer({ type: 'returned', buffer: message.buffer }, [message.buffer])
  } catch (error) {
    if (!isBackupError(error)) throw error
    answer({ type: 'failed', code: error.code, message: error.message, hint: error.hint })
  }
})

function answer(message: FromScanWorker, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}
