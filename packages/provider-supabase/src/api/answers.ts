import { z } from 'zod'

// What is read of an answer, and no more. Every enum is an open string: a value that the API adds must not stop a
// recovery. https://supabase.com/docs/reference/api

export const projectAnswer = z.looseObject({
  ref: z.string(),
  name: z.string().catch(''),
  region: z.string().catch(''),
  organization_slug: z.string().catch(''),
  status: z.string(),
  database: z
    .looseObject({ host: z.string().catch(''), version: z.string().catch('') })
    .catch({ host: '', version: '' }),
})
export type Project = z.output<typeof projectAnswer>

export const backupsAnswer = z.looseObject({
  region: z.string().catch(''),
  pitr_enabled: z.boolean().catch(false),
  backups: z.array(
    z.looseObject({
      id: z.number().int(),
      is_physical_backup: z.boolean(),
      status: z.string(),
      inserted_at: z.string().catch(''),
    }),
  ),
  physical_backup_data: z
    .looseObject({
      earliest_physical_backup_date_unix: z.number().nullish(),
      latest_physical_backup_date_unix: z.number().nullish(),
    })
    .catch({}),
})
export type BackupsAnswer = z.output<typeof backupsAnswer>

export const scheduleAnswer = z.looseObject({ schedule_for: z.string(), updated_at: z.string().nullish() })

export const restorePointAnswer = z.looseObject({
  name: z.string(),
  status: z.string(),
  completed_on: z.string().nullish(),
})
export type RestorePointAnswer = z.output<typeof restorePointAnswer>

export const healthAnswer = z.array(
  z.looseObject({ name: z.string(), status: z.string(), error: z.string().nullish() }),
)

export const readOnlyAnswer = z.looseObject({
  enabled: z.boolean(),
  override_enabled: z.boolean().catch(false),
  override_active_until: z.string().nullish(),
})

export const poolersAnswer = z.array(
  z.looseObject({
    database_type: z.string().catch('PRIMARY'),
    db_user: z.string().catch(''),
    db_host: z.string(),
    db_port: z.number().catch(6543),
    db_name: z.string().catch('postgres'),
    pool_mode: z.string().catch('transaction'),
  }),
)
export type PoolersAnswer = z.output<typeof poolersAnswer>

export const loginRoleAnswer = z.looseObject({ role: z.string(), password: z.string(), ttl_seconds: z.number() })

export const rootKeyAnswer = z.looseObject({ root_key: z.string().regex(/^[0-9a-f]{64}$/i, 'not 32 bytes in hex') })

export const bansAnswer = z.looseObject({ banned_ipv4_addresses: z.array(z.string()).catch([]) })

export const entitlementsAnswer = z.looseObject({
  entitlements: z.array(
    z.looseObject({
      feature: z.looseObject({ key: z.string() }),
      hasAccess: z.boolean().catch(false),
      config: z.looseObject({ value: z.number().nullish(), unlimited: z.boolean().nullish() }).catch({}),
    }),
  ),
})

export const downloadAnswer = z.looseObject({
  data: z.looseObject({ attributes: z.looseObject({ file_url: z.string() }) }),
})

export const rowsAnswer = z.array(z.record(z.string(), z.unknown()))
