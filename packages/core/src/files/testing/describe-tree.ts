import { createHash } from 'node:crypto'
import { lstat, open, readdir, readFile, readlink } from 'node:fs/promises'

/** Everything below a folder, by name in hex: what a restore must bring back. Large files by what they hold at given places. */
export async function describeTree(root: string, samples: readonly number[] = []): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  await add(Buffer.from(root), Buffer.alloc(0))
  return found

  async function add(folder: Buffer, prefix: Buffer): Promise<void> {
    for (const own of await readdir(folder, { encoding: 'buffer' })) {
      const path = Buffer.concat([folder, Buffer.from('/'), own])
      const name = Buffer.concat([prefix, own])
      const stats = await lstat(path)
      const kind = stats.isSymbolicLink() ? 'link' : stats.isDirectory() ? 'folder' : stats.isFile() ? 'file' : 'other'
      const facts = `${kind} ${(stats.mode & 0o7777).toString(8)} ${Math.floor(stats.mtimeMs)}`
      if (kind === 'other') found[name.toString('hex')] = facts
      else if (kind === 'folder') {
        found[name.toString('hex')] = facts
        await add(path, Buffer.concat([name, Buffer.from('/')]))
      } else if (kind === 'link')
        found[name.toString('hex')] = `${facts} ${(await readlink(path, 'buffer')).toString('hex')}`
      else found[name.toString('hex')] = `${facts} ${stats.size} ${await contentOf(path, stats.size, samples)}`
    }
  }
}

async function contentOf(path: Buffer, sizeBytes: number, samples: readonly number[]): Promise<string> {
  if (sizeBytes < 2 ** 24)
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
  const file = await open(path)
  try {
    const parts: string[] = []
    for (const at of samples) {
      const chunk = Buffer.alloc(1024)
      await file.read(chunk, 0, chunk.length, at)
      parts.push(createHash('sha256').update(chunk).digest('hex'))
    }
    return parts.join(' ')
  } finally {
    await file.close()
  }
}
