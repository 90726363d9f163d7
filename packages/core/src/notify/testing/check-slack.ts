import { z } from 'zod'
import type { Received } from './http-receiver.js'

/** What Slack takes, by https://docs.slack.dev/reference/block-kit/blocks, as far as our blocks go. */
const plainText = (length: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(length), emoji: z.boolean().optional() })
const mrkdwn = (length: number) =>
  z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(length).refine(isEscaped, 'not escaped') })

const block = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('header'), text: plainText(150) }),
  z.strictObject({ type: z.literal('section'), text: z.union([mrkdwn(3000), plainText(3000)]) }),
  z.strictObject({ type: z.literal('context'), elements: z.array(mrkdwn(2000)).min(1).max(10) }),
  z.strictObject({ type: z.literal('divider') }),
])

const payload = z.strictObject({
  text: z.string().min(1).max(40_000).refine(isEscaped, 'not escaped'),
  blocks: z
    .array(block)
    .min(1)
    .max(50)
    .refine(blocks => JSON.stringify(blocks).length < 13_000, 'msg_blocks_too_long'),
  unfurl_links: z.boolean(),
  unfurl_media: z.boolean(),
})

export type CheckedSlack = z.output<typeof payload>

/** No `<`, no `>`, and each `&` begins one of the three entities. */
function isEscaped(text: string): boolean {
  return !/[<>]/.test(text) && !/&(?!(amp|lt|gt);)/.test(text)
}

/** The payload of a request, held against Slack's rules. @throws what it breaks */
export function checkSlack({ method, headers, body }: Received): CheckedSlack {
  if (method !== 'POST') throw new Error('invalid method')
  if (!/^application\/json/.test(headers['content-type'] ?? '')) throw new Error('invalid content type')
  return payload.parse(JSON.parse(body))
}
