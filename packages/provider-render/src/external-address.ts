import { BackupError } from '@lifeboat/core'
import type { RenderApi } from './render-api.js'

/** The address from outside Render, which takes TLS. @throws BackupError `provider-refused` where there is none */
export async function externalAddress(api: RenderApi, id: string, signal: AbortSignal | undefined): Promise<string> {
  const text = await api.externalAddress(id, { signal })
  if (text === '' || !URL.canParse(text))
    throw new BackupError('provider-refused', `Render gives no outside address for ${id}`, {
      hint: 'allow your address in the dashboard (access control), or run this in a service in its region',
    })
  const url = new URL(text)
  if (!url.searchParams.has('sslmode')) url.searchParams.set('sslmode', 'require')
  return url.href
}
