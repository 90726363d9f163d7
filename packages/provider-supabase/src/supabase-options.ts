import { BackupError, isSecret, type SecretReference } from '@lifeboat/core'
import type { HttpDeps } from '@lifeboat/core/http'

/** How a {@link supabase} provider is made. */
export interface SupabaseOptions {
  /** 20 lowercase letters; the first part of the project's address. */
  readonly projectRef: string
  /** An access token, best one with scopes; read at each call. */
  readonly accessToken: SecretReference
  /** Default: `https://api.supabase.com`. */
  readonly apiUrl?: string | undefined
  /** Consulted as advice. Default: `https://status.supabase.com`; null: never. */
  readonly statusUrl?: string | null | undefined
  /**
   * The path of the certificate that the dashboard offers; connections are then checked against it (`verify-full`). No API
   * gives it. Default: none, and connections are encrypted but not checked.
   */
  readonly sslRootCert?: string | undefined
  /** How often the project is asked while it is restored. Default: 10 s. */
  readonly pollEveryMs?: number | undefined
  /** How long a recovery may take until the project is told to have begun it. Default: 5 minutes. */
  readonly leaveTimeoutMs?: number | undefined
  /** How long a recovery is followed. Default: 4 hours. */
  readonly recoveryTimeoutMs?: number | undefined
  readonly deps?: Partial<HttpDeps> | undefined
}

export interface SupabaseSettings {
  readonly ref: string
  readonly accessToken: SecretReference
  readonly apiUrl: string
  readonly statusUrl: string | null
  readonly sslRootCert: string | undefined
  readonly pollEveryMs: number
  readonly leaveTimeoutMs: number
  readonly recoveryTimeoutMs: number
  readonly deps: Partial<HttpDeps>
}

/** The shape of an access token, wherever one shows up. Source: the vendor's own client. */
export const tokenShape = /sbp_(?:oauth_|v0_)?[a-f0-9]{40}/

/** @throws BackupError `config-invalid` */
export function settleOptions(options: SupabaseOptions): SupabaseSettings {
  const refuse = (what: string, hint?: string) => new BackupError('config-invalid', `supabase: ${what}`, { hint })
  const { projectRef: ref, accessToken } = options
  if (typeof ref !== 'string' || !/^[a-z]{20}$/.test(ref))
    throw refuse('projectRef must be 20 lowercase letters', "it is in the project's address in the dashboard")
  if (!isSecret(accessToken))
    throw refuse('accessToken must be a secret', "write accessToken: secret.env('SUPABASE_ACCESS_TOKEN')")
  for (const name of ['pollEveryMs', 'leaveTimeoutMs', 'recoveryTimeoutMs'] as const) {
    const value = options[name]
    if (value !== undefined && !(Number.isFinite(value) && value >= 0)) throw refuse(`${name} must be 0 or more`)
  }
  return Object.freeze({
    ref,
    accessToken,
    apiUrl: options.apiUrl ?? 'https://api.supabase.com',
    statusUrl: options.statusUrl === undefined ? 'https://status.supabase.com' : options.statusUrl,
    sslRootCert: options.sslRootCert,
    pollEveryMs: options.pollEveryMs ?? 10_000,
    leaveTimeoutMs: options.leaveTimeoutMs ?? 5 * 60_000,
    recoveryTimeoutMs: options.recoveryTimeoutMs ?? 4 * 3600_000,
    deps: options.deps ?? {},
  })
}
