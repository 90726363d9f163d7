import type { Finding } from '../api/verification.js'
import type { ResolvedConfig } from '../config/config-schema.js'
import { type Job, objectJobs, type ScheduledJob, scheduledJobs } from '../config/jobs.js'
import type { EmailConfig, SlackConfig, WebhookConfig } from '../config/notify-schema.js'
import type { SecretReference } from '../config/secret.js'

export type Severity = Finding['severity']

/** Somewhere that alerts go. */
export type Channel = {
  readonly name: string
  readonly severities: readonly Severity[]
  /** Null: what belongs to any job, and to none. */
  readonly jobs: readonly ScheduledJob[] | null
} & (
  | { readonly kind: 'slack'; readonly settings: SlackConfig }
  | { readonly kind: 'email'; readonly settings: EmailConfig }
  | { readonly kind: 'webhook'; readonly settings: WebhookConfig }
)

/** What decides about alerts, without what they are sent with. */
export interface AlertPolicy {
  readonly channels: readonly Pick<Channel, 'name' | 'severities' | 'jobs'>[]
  /** How often what lasts is told again; null: never. */
  readonly repeatMs: Readonly<Record<Severity, number | null>>
  /** The jobs whose runs are pinged. */
  readonly pings: readonly Job[]
}

/** Who hears of what goes wrong with a product, with every default. */
export interface NotifyPolicy extends AlertPolicy {
  readonly channels: readonly Channel[]
  readonly pingSettings: ReadonlyMap<Job, SecretReference>
}

const hourMs = 3_600_000
const defaultRepeatMs = { critical: 24 * hourMs, warning: 7 * 24 * hourMs, info: null }

/** The policy of one product: its own keys, and for those it lacks the shared ones. Undefined: nobody is to be told. */
export function notifyPolicyOf(config: ResolvedConfig, product: string): NotifyPolicy | undefined {
  const own = Object.hasOwn(config.products, product) ? config.products[product]?.notify : undefined
  const pingSettings = pingsOf(config, product)
  if (own === undefined && config.notify === undefined && pingSettings.size === 0) return undefined
  const merged = { ...config.notify, ...own }
  const channels = [
    ...(merged.slack ?? []).map(settings => ({ kind: 'slack' as const, settings })),
    ...(merged.email ?? []).map(settings => ({ kind: 'email' as const, settings })),
    ...(merged.webhook ?? []).map(settings => ({ kind: 'webhook' as const, settings })),
  ].map(
    (one): Channel => ({
      ...one,
      name: one.settings.name ?? one.kind,
      severities: one.settings.severities ?? ['critical', 'warning'],
      jobs: one.settings.jobs ?? null,
    }),
  )
  const ms = (severity: Severity) => {
    const every = merged.repeatEvery?.[severity]
    if (every === undefined) return defaultRepeatMs[severity]
    return every === 'never' ? null : every
  }
  return {
    channels,
    repeatMs: { critical: ms('critical'), warning: ms('warning'), info: ms('info') },
    pings: [...pingSettings.keys()],
    pingSettings,
  }
}

/** The pings of a product's own jobs, and of those of its sets. */
function pingsOf({ products }: ResolvedConfig, name: string): ReadonlyMap<Job, SecretReference> {
  const product = Object.hasOwn(products, name) ? products[name] : undefined
  const pings = new Map<Job, SecretReference>()
  const add = (job: Job, url: SecretReference | undefined) => url && pings.set(job, url)
  for (const job of scheduledJobs) add(job, product?.notify?.ping?.[job])
  for (const [set, { ping }] of Object.entries(product?.objects ?? {}))
    for (const job of objectJobs) add(`${job}:${set}`, ping?.[job])
  return pings
}
