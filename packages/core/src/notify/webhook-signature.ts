import { createHmac, timingSafeEqual } from 'node:crypto'

/** The headers of a webhook's request. */
export const timestampHeader = 'lifeboat-timestamp'
export const signatureHeader = 'lifeboat-signature'
export const deliveryHeader = 'lifeboat-delivery'

const defaultToleranceMs = 5 * 60_000

/** Signs a body: `v1=` and the hexadecimal HMAC-SHA256 of the timestamp (seconds), a full stop and the body. */
export function signWebhook(secret: string, timestamp: number, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`
}

export interface WebhookRequest {
  /** The body as it came: parsed and written again it would not be the same bytes. */
  readonly body: string
  /** `Lifeboat-Timestamp`. */
  readonly timestamp: string | null | undefined
  /** `Lifeboat-Signature`. */
  readonly signature: string | null | undefined
}

/**
 * Whether a request was signed with the secret, and lately: one that somebody recorded and plays again later is refused.
 * Within the tolerance a repetition passes, as a delivery whose answer was lost is sent again: the receiver keeps
 * the `id` of what it has handled.
 */
export function verifyWebhook(
  { body, timestamp, signature }: WebhookRequest,
  secret: string,
  options: {
    readonly now?: Date | undefined /** Default: 5 minutes. */
    readonly toleranceMs?: number | undefined
  } = {},
): boolean {
  if (typeof timestamp !== 'string' || typeof signature !== 'string' || !/^\d{1,12}$/.test(timestamp)) return false
  const { now = new Date(), toleranceMs = defaultToleranceMs } = options
  if (Math.abs(now.getTime() - Number(timestamp) * 1000) > toleranceMs) return false
  const expected = Buffer.from(signWebhook(secret, Number(timestamp), body))
  const given = Buffer.from(signature)
  return expected.length === given.length && timingSafeEqual(expected, given)
}
