import { parentPort } from 'node:worker_threads'
import { isBackupError } from '../errors/backup-error.js'
import { PassingDigest } from '../streams/digest.js'
import { ArchiveScanner } from './archive-scanner.js'
import type { FromScanWorker, ToScanWorker } from './scan-stage.js'

const port = parentPort
if (port === null) throw new Error('this file runs as a worker thread of the scan stage')

const scanner = new ArchiveScanner()
const digest = new PassingDigest()

port.on('message', (message: ToScanWorker) => {
  try {
    if (message.type === 'end') {
      answer({ type: 'done', scan: { summary: scanner.finish(), sha256: digest.sha256 } })
      return
    }
    const bytes = new Uint8Array(message.buffer, 0, message.length)
    digest.update(bytes)
    scanner.push(bytes)
    answer({ type: 'returned', buffer: message.buffer }, [message.buffer])
  } catch (error) {
    if (!isBackupError(error)) throw error
    answer({ type: 'failed', code: error.code, message: error.message, hint: error.hint })
  }
})

function answer(message: FromScanWorker, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}
