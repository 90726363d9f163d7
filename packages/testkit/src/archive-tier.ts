import { type FaultProxy, type ProxiedRequest, s3Refusal, startFaultProxy } from './fault-proxy.js'

/*
 * No service that runs here has archives, so what is different about an archived object is played before a real one that
 * keeps it: HEAD tells of a retrieval, GET is refused until there was one, and RestoreObject is taken. The answers are
 * those of the documentation:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (InvalidObjectState)
 */

/** A proxy in front of an S3 service that keeps some objects in an archive. */
export interface ArchiveTier {
  readonly endpoint: string
  /** What was asked for, as it came: `<RestoreRequest>…`. */
  readonly retrievals: readonly string[]
  /** How often a read was refused. */
  refusedReads(): number
  /** Retrievals under way are done. */
  finishRetrievals(): void
  /** Copies are gone again. */
  expire(): void
  close(): Promise<void>
}

export async function startArchiveTier(target: string, isArchived: (path: string) => boolean): Promise<ArchiveTier> {
  const states = new Map<string, 'retrieving' | 'readable'>()
  const retrievals: string[] = []
  let refused = 0
  const proxy: FaultProxy = await startFaultProxy(target)
  const pathOf = ({ url }: ProxiedRequest) => new URL(url, 'http://proxy').pathname
  const isRestore = ({ method, url }: ProxiedRequest) =>
    method === 'POST' && new URL(url, 'http://proxy').searchParams.has('restore')
  const always = { times: Number.POSITIVE_INFINITY }
  const archived = (request: ProxiedRequest) => isArchived(pathOf(request))

  proxy.inject(
    request => isRestore(request) && states.get(pathOf(request)) === 'retrieving',
    s3Refusal(409, 'RestoreAlreadyInProgress'),
    always,
  )
  proxy.inject(
    request => {
      if (!isRestore(request) || !archived(request)) return false
      states.set(pathOf(request), 'retrieving')
      return true
    },
    { kind: 'answer', status: 202, body: '', onBody: body => void retrievals.push(body) },
    always,
  )
  proxy.inject(
    request => {
      const reads = request.method === 'GET' && archived(request) && states.get(pathOf(request)) !== 'readable'
      if (reads) refused += 1
      return reads
    },
    s3Refusal(403, 'InvalidObjectState'),
    always,
  )
  const told = (state: 'retrieving' | 'readable', header: string) =>
    proxy.inject(
      request => request.method === 'HEAD' && states.get(pathOf(request)) === state,
      { kind: 'add-headers', headers: { 'x-amz-restore': header } },
      always,
    )
  told('retrieving', 'ongoing-request="true"')
  told('readable', 'ongoing-request="false", expiry-date="Fri, 21 Dec 2035 00:00:00 GMT"')
  return {
    endpoint: proxy.endpoint,
    retrievals,
    refusedReads: () => refused,
    finishRetrievals: () => {
      for (const path of states.keys()) states.set(path, 'readable')
    },
    expire: () => states.clear(),
    close: () => proxy.close(),
  }
}
