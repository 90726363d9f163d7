import { lchown, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { PlainUser } from './drop-privileges.js'

/** Gives `folder` and all in it to `user`; links themselves, not what they point at. */
export async function giveTo(folder: string, user: PlainUser): Promise<void> {
  await lchown(folder, user.uid, user.gid)
  for (const entry of await readdir(folder, { recursive: true })) {
    await lchown(join(folder, entry), user.uid, user.gid)
  }
}
