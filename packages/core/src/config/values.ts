import { z } from 'zod'
import { isSecret, type SecretReference } from './secret.js'
import { parseDurationMs, parseSizeBytes } from './units.js'

/** `15m`, `24h`, `30d`; ms once it is resolved. */
export const duration = z.string().transform((text, context) => {
  const value = parseDurationMs(text)
  if (!value) context.addIssue(`not a duration: ${JSON.stringify(text)} (write 15m, 24h, 30d)`)
  return value ?? 0
})

/** `10MB`, `2GB`; bytes once it is resolved. */
export const size = z.string().transform((text, context) => {
  const value = parseSizeBytes(text)
  if (value === undefined) context.addIssue(`not a size: ${JSON.stringify(text)} (write 10MB, 2GB)`)
  return value ?? 0
})

export const text = z.string().min(1, 'must not be empty')
export const secretReference = z.custom<SecretReference>(isSecret, { message: "expected secret.env('NAME')" })
