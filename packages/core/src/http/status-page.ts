import { z } from 'zod'
import { type HttpDeps, nodeHttpDeps } from './http-deps.js'
import { readBody } from './read-body.js'

/** What a provider says of itself. */
export interface StatusAdvice {
  /** `none`, `minor`, `major`, `critical`, `maintenance`, or a word that is not known. */
  readonly indicator: string
  readonly description: string
  /** The names of incidents that are not resolved. */
  readonly incidents: readonly string[]
}

// https://metastatuspage.com/api#summary, read leniently: hosts of such pages leave fields out.
const summary = z.looseObject({
  status: z.looseObject({ indicator: z.string(), description: z.string().catch('') }),
  incidents: z
    .array(z.looseObject({ name: z.string() }))
    .catch([])
    .default([]),
})

/**
 * Asks a status page (Atlassian Statuspage, v2). Advice only: no answer in time, or none that can be read, is undefined
 * and never an error. It is not sent the token.
 * @throws the signal's reason, nothing else
 */
export async function readStatusPage(
  url: string,
  options: {
    readonly signal?: AbortSignal | undefined
    /** Default: 3 s. */
    readonly timeoutMs?: number | undefined
    readonly deps?: Pick<HttpDeps, 'fetch'> | undefined
  } = {},
): Promise<StatusAdvice | undefined> {
  const { signal } = options
  signal?.throwIfAborted()
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 3_000)
  try {
    const response = await (options.deps ?? nodeHttpDeps()).fetch(`${url.replace(/\/+$/, '')}/api/v2/summary.json`, {
      headers: { accept: 'application/json' },
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    })
    const body = await readBody(response)
    const read = response.ok ? summary.safeParse(body) : undefined
    if (read === undefined || !read.success) return undefined
    const { status, incidents } = read.data
    return {
      indicator: plain(status.indicator),
      description: plain(status.description),
      incidents: incidents.slice(0, 10).map(one => plain(one.name)),
    }
  } catch {
    // Whatever became of the page must not stop a backup.
    signal?.throwIfAborted()
    return undefined
  }
}

function plain(text: string): string {
  return text.replace(/[^\p{L}\p{N}\p{P}\p{S}\p{Zs}]+/gu, ' ').slice(0, 200)
}
