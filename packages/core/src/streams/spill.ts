import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { temporaryPlace, writingTo } from '../errors/disk-error.js'
import type { ByteSource } from './byte-source.js'
import { bytesToLines } from './lines.js'

const bufferChars = 64 * 1024
const readBytes = 64 * 1024

/** Lines that wait on the disk, in the order in which they came. */
export interface Spill {
  readonly lines: number
  append(line: string): Promise<void>
  /** From the first line; may be called again. Nothing may be appended meanwhile. */
  read(): AsyncIterable<string>
  close(): Promise<void>
}

/**
 * A file for lines that are too many for memory. They lie there encrypted under a key that only this process has, and the
 * file has no name any more once it is open: whatever ends the process, nothing that could be read is left.
 */
export async function openSpill(): Promise<Spill> {
  const file = await unnamedFile()
  const key = randomBytes(32)
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-ctr', key, iv)
  let held: string[] = []
  let heldChars = 0
  let written = 0
  let lines = 0

  const flush = async () => {
    if (heldChars === 0) return
    const bytes = cipher.update(held.join(''), 'utf8')
    held = []
    heldChars = 0
    await writingTo(place(), async () => {
      for (let at = 0; at < bytes.byteLength; )
        at += (await file.write(bytes, at, bytes.byteLength - at, written + at)).bytesWritten
    })
    written += bytes.byteLength
  }
  async function* plain(): ByteSource {
    const decipher = createDecipheriv('aes-256-ctr', key, iv)
    for (let at = 0; at < written; ) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(readBytes), 0, readBytes, at)
      if (bytesRead === 0) throw new Error('a temporary file became shorter')
      at += bytesRead
      yield decipher.update(buffer.subarray(0, bytesRead))
    }
  }

  return {
    get lines() {
      return lines
    },
    async append(line) {
      held.push(line, '\n')
      heldChars += line.length + 1
      lines += 1
      if (heldChars >= bufferChars) await flush()
    },
    async *read() {
      await flush()
      yield* bytesToLines(plain())
    },
    close: () => file.close(),
  }
}

const place = () => temporaryPlace(tmpdir(), 'unexpected')

async function unnamedFile(): Promise<FileHandle> {
  return writingTo(place(), async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-spill-'))
    try {
      return await open(join(folder, 'lines'), 'wx+', 0o600)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
}
