import { z } from 'zod'
import { scheduledJobs } from './schedule-schema.js'
import { duration, secretReference, text } from './values.js'

const severity = z.enum(['critical', 'warning', 'info'])

/** What every channel may say of what it wants to hear. */
const routing = {
  /** As findings and `--channel` name it. Default: its kind, such as `slack`. */
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'use a to z, 0 to 9 and -, at most 63, not beginning with -')
    .optional(),
  /** Default: critical and warning. */
  severities: z.array(severity).min(1, 'name a severity, or leave the key out').optional(),
  /** Only what belongs to these jobs. Default: everything. */
  jobs: z.array(z.enum(scheduledJobs)).min(1, 'name a job, or leave the key out').optional(),
}

const slackSchema = z.strictObject({
  ...routing,
  /** The address of an incoming webhook. */
  webhook: secretReference,
})

const emailSchema = z.strictObject({
  ...routing,
  /** `smtp://USER:PASSWORD@HOST:587` (STARTTLS) or `smtps://…` as one secret, or its parts. */
  smtp: z.union(
    [
      secretReference,
      z.strictObject({
        host: text,
        /** Default: 587, and 465 with `tls: 'implicit'`. */
        port: z.number().int().min(1).max(65_535).optional(),
        user: text.optional(),
        password: secretReference.optional(),
        /** `starttls`: refused where the server offers none; `none`: in clear. Default: starttls. */
        tls: z.enum(['starttls', 'implicit', 'none']).default('starttls'),
      }),
    ],
    "expected secret.env('NAME') of an smtp:// address, or { host, user, password }",
  ),
  /** `Backups <backups@example.org>` or an address. */
  from: text,
  to: z.array(text).min(1, 'name a recipient'),
  /** The path of certificates (PEM) to trust besides the known authorities. */
  ca: text.optional(),
})

const webhookSchema = z.strictObject({
  ...routing,
  /** Gets JSON by POST; see `docs/alerts.md`. */
  url: secretReference,
  /** What requests are signed with; the receiver holds it, too. */
  secret: secretReference,
})

/** Where runs of each job are told as they begin and end, as healthchecks.io takes it. */
const pingSchema = z
  .strictObject({
    backup: secretReference.optional(),
    verify: secretReference.optional(),
    drill: secretReference.optional(),
    prune: secretReference.optional(),
  })
  .refine(ping => Object.values(ping).some(one => one !== undefined), 'name a job')

/** One, or a list of them: not a union, whose errors would name neither's keys. */
function some<Schema extends z.ZodType>(schema: Schema) {
  type Written = z.input<Schema> | readonly z.input<Schema>[]
  return z.preprocess((written: Written) => (Array.isArray(written) ? written : [written]), z.array(schema)).optional()
}

const every = z.union([duration, z.literal('never')], "not a duration (write 24h, 7d or 'never')")

const channels = {
  slack: some(slackSchema),
  email: some(emailSchema),
  webhook: some(webhookSchema),
  /** How often what lasts is told again. Default: critical 24h, warning 7d, info never. */
  repeatEvery: z
    .strictObject({ critical: every.optional(), warning: every.optional(), info: every.optional() })
    .optional(),
}

type Named = Readonly<Partial<Record<'slack' | 'email' | 'webhook', readonly { readonly name?: string | undefined }[]>>>

/** A channel's name tells it from the others in what is remembered of it. */
function checkChannelNames(notify: Named, context: z.RefinementCtx): void {
  const seen = new Set<string>()
  for (const kind of ['slack', 'email', 'webhook'] as const) {
    for (const [at, one] of (notify[kind] ?? []).entries()) {
      const name = one.name ?? kind
      if (seen.has(name))
        context.addIssue({
          ...{ code: 'custom', path: [kind, at, 'name'] },
          message: `another channel is called ${name}: give each a name of its own`,
        })
      if (name.startsWith('ping-'))
        context.addIssue({
          code: 'custom',
          path: [kind, at, 'name'],
          message: 'pings are called so: take another name',
        })
      seen.add(name)
    }
  }
}

/** Who hears of what goes wrong with one product. Each key takes the place of the one for all products. */
export const notifySchema = z.strictObject({ ...channels, ping: pingSchema.optional() }).superRefine(checkChannelNames)

/** The same for all products. A ping belongs to one job of one product. */
export const sharedNotifySchema = z.strictObject(channels).superRefine(checkChannelNames)

/** A product's channels, with those that it shares: no two of them may have one name. */
export function checkSharedNames(
  config: {
    readonly products: Readonly<Record<string, { readonly notify?: Named | undefined }>>
    readonly notify?: Named | undefined
  },
  context: z.RefinementCtx,
): void {
  const { notify, products } = config
  if (notify === undefined) return
  for (const [product, { notify: own }] of Object.entries(products)) {
    if (own === undefined) continue
    const namesOf = (of: Named, kind: keyof Named) => (of[kind] ?? []).map(({ name }) => name ?? kind)
    for (const kind of ['slack', 'email', 'webhook'] as const) {
      const others = (['slack', 'email', 'webhook'] as const).filter(
        other => other !== kind && own[other] === undefined,
      )
      const shared = others.flatMap(other => namesOf(notify, other))
      const twice = namesOf(own, kind).find(name => shared.includes(name))
      if (twice === undefined) continue
      const message = `a channel of all products is called ${twice}, too: give each a name of its own`
      context.addIssue({ code: 'custom', path: ['products', product, 'notify', kind], message })
    }
  }
}

export type NotifyConfig = z.output<typeof notifySchema>
export type SlackConfig = z.output<typeof slackSchema>
export type EmailConfig = z.output<typeof emailSchema>
export type WebhookConfig = z.output<typeof webhookSchema>
