import { z } from 'zod'
import { duration, secretReference, size, text } from './values.js'

/** How a restore is rehearsed. */
export const drillSchema = z
  .strictObject({
    /** `local`: a server started for the drill. Default, unless `url` is given. */
    scratch: z.literal('local').optional(),
    /** A server on which each drill makes a database of its own, and drops it. */
    url: secretReference.optional(),
    /** `host:port` of the source's own server, to allow drills there. */
    allowSourceServer: text.optional(),
    /** How large a database the server at `url` has room for. Default: not known, not checked. */
    maxSize: size.optional(),
    /** `content`: everything is compared with the backup; `counts`: only the rows of every table. Default: content. */
    proof: z.enum(['content', 'counts']).default('content'),
    /** How often a drill should run; older ones are findings. Default: not judged. */
    interval: duration.optional(),
    /** How many sessions load rows and build indexes. Default: 2. */
    jobs: z.number().int().min(1).default(2),
    /** Extensions that a drill would leave out, and shall not. */
    allowExtensions: z.array(text).default([]),
  })
  .refine(({ scratch, url }) => scratch === undefined || url === undefined, "give scratch: 'local' or url, not both")
  .refine(
    ({ url, allowSourceServer, maxSize }) => url !== undefined || (allowSourceServer ?? maxSize) === undefined,
    'allowSourceServer and maxSize speak of the server at url, which is not given',
  )
  .prefault({})

export type DrillConfig = z.output<typeof drillSchema>
