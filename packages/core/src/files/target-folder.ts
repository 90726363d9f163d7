import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { chmod, link, lstat, lutimes, mkdir, rename, symlink, unlink, utimes } from 'node:fs/promises'
import { invalid } from '../archive/front-reader.js'
import { BackupError } from '../errors/backup-error.js'
import { diskError } from '../errors/disk-error.js'
import { notWritten } from './not-written.js'
import type { BundleEntry } from './read-bundle.js'

type Facts = Pick<BundleEntry, 'name' | 'mode' | 'mtimeNs'>

const slash = Buffer.from('/')

/** The folder that a bundle is unpacked into; everything that is made in it is made here. */
export class TargetFolder {
  readonly #root: Buffer
  /** Folders that were made, or looked at and found to be none but folders. */
  readonly #known = new Set<string>()
  /** What the bundle says of its folders, by name; and which of them are there and wait for it. */
  readonly #noted = new Map<string, Facts>()
  readonly #waiting: Facts[] = []

  constructor(
    readonly options: { readonly folder: string; readonly overwrite: boolean; readonly specialBits: boolean },
  ) {
    this.#root = Buffer.from(options.folder)
  }

  /** @throws BackupError `archive-invalid` for a name that could lead out of the folder */
  checkName(name: Buffer): void {
    const parts = name.toString('latin1').split('/')
    if (parts.some(part => part === '' || part === '.' || part === '..' || part.includes('\0')))
      throw invalid(`the entry ${JSON.stringify(name.toString().slice(0, 200))} would lie outside of its folder`)
  }

  note({ name, mode, mtimeNs }: Facts): void {
    this.#noted.set(keyOf(name), { name, mode, mtimeNs })
  }

  /** Makes a folder, and those above it. They get their modes at the end: until then only we may write in them. */
  async make(name: Buffer): Promise<void> {
    const key = keyOf(name)
    if (this.#known.has(key)) return
    await this.#makeParents(name)
    try {
      await mkdir(this.#pathOf(name), { mode: 0o700 })
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw this.#failed(name, error)
      const found = await lstat(this.#pathOf(name))
      if (found.isSymbolicLink()) throw notWritten(name, 'a link is there, and nothing is written through a link')
      if (!found.isDirectory()) throw notWritten(name, 'it is a folder in the backup, and something else is there')
    }
    this.#known.add(key)
    const noted = this.#noted.get(key)
    if (noted !== undefined) this.#waiting.push(noted)
  }

  /**
   * Has a file written under a name of its own, and gives it its name once it is whole.
   * @throws BackupError `target-not-empty` where something is there that may not be replaced
   */
  async place({ name }: Pick<BundleEntry, 'name'>, write: (path: Buffer) => Promise<void>): Promise<void> {
    await this.#makeParents(name)
    const at = name.lastIndexOf(slash) + 1
    const own = Buffer.from(`.lifeboat-${randomBytes(6).toString('hex')}`)
    const temporary = this.#pathOf(Buffer.concat([name.subarray(0, at), own]))
    try {
      await write(temporary)
      await this.#name(temporary, name)
    } catch (error) {
      // It may never have been made; the failure that led here is the one to report.
      await unlink(temporary).catch(() => {})
      if (error instanceof BackupError || codeOf(error) === undefined) throw error
      throw this.#failed(name, error)
    }
  }

  async placeLink(entry: BundleEntry): Promise<void> {
    await this.place(entry, async path => {
      await symlink(entry.target, path)
      const seconds = Number(entry.mtimeNs) / 1e9
      await lutimes(path, seconds, seconds)
    })
  }

  /** @returns how many folders of the bundle are there */
  async finish(): Promise<number> {
    // What is in a folder goes first: its own times would change with it, and it may not be writable after.
    for (const { name, mode, mtimeNs } of this.#waiting.reverse()) {
      const path = this.#pathOf(name)
      const seconds = Number(mtimeNs) / 1e9
      try {
        await utimes(path, seconds, seconds)
        await chmod(path, mode & (this.options.specialBits ? 0o7777 : 0o777))
      } catch (error) {
        throw this.#failed(name, error)
      }
    }
    return this.#waiting.length
  }

  async #makeParents(name: Buffer): Promise<void> {
    for (let at = name.indexOf(slash); at !== -1; at = name.indexOf(slash, at + 1)) {
      const parent = name.subarray(0, at)
      if (!this.#known.has(keyOf(parent))) await this.make(parent)
    }
  }

  /** Gives what was written its name: over what is there when that is allowed, else only where nothing is. */
  async #name(temporary: Buffer, name: Buffer): Promise<void> {
    const path = this.#pathOf(name)
    const found = await look(path)
    if (found === undefined && !this.options.overwrite) {
      await placeNew(temporary, path).catch((error: unknown) => {
        throw codeOf(error) === 'EEXIST' ? isThere(name) : error
      })
      return
    }
    if (found?.isDirectory()) throw notWritten(name, 'a folder is there')
    if (found !== undefined && !this.options.overwrite) throw isThere(name)
    await rename(temporary, path)
  }

  #failed(name: Buffer, error: unknown): BackupError {
    const hint = 'free space there, or restore into a folder on another disk'
    const found = diskError(error, { folder: this.options.folder, hint, code: 'restore-failed' })
    return found?.code === 'disk-full' ? found : notWritten(name, String(codeOf(error)), error)
  }

  #pathOf(name: Buffer): Buffer {
    return Buffer.concat([this.#root, slash, name])
  }
}

/** A rename that replaces nothing; where the file system has no second names for a file, a look has to do. */
async function placeNew(temporary: Buffer, path: Buffer): Promise<void> {
  try {
    await link(temporary, path)
  } catch (error) {
    if (!/^(EPERM|ENOTSUP|EOPNOTSUPP|EMLINK|ENOSYS)$/.test(codeOf(error) ?? '')) throw error
    await rename(temporary, path)
    return
  }
  await unlink(temporary)
}

async function look(path: Buffer): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function isThere(name: Buffer): BackupError {
  return new BackupError('target-not-empty', `${JSON.stringify(name.toString())} is there already`, {
    hint: 'restore into a new folder, or give --overwrite to replace what is there',
  })
}

/** Names are bytes; as text of one byte a letter they can be looked up. */
function keyOf(name: Buffer): string {
  return name.toString('latin1')
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
