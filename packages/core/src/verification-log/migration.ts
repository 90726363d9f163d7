/**
 * Makes the table that verifications and drills write a row into, where it does not exist. For any Postgres from 13;
 * running it again changes nothing.
 */
export const verificationLogMigration = `create table if not exists public.backup_verification_log (
  id uuid primary key default gen_random_uuid(),
  verified_at timestamptz not null,
  backup_id text not null,
  backup_age_hours int not null,
  backup_size_mb int not null,
  status text not null check (status in ('success', 'warning', 'failure')),
  checks_passed int not null,
  checks_failed int not null,
  error_details jsonb,
  created_at timestamptz not null default now()
);
create index if not exists backup_verification_log_verified_at on public.backup_verification_log (verified_at desc);
alter table public.backup_verification_log enable row level security;
comment on table public.backup_verification_log is 'one row per verification or drill of a backup, written by lifeboat';
`
