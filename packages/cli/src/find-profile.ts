import type { RestoreProfile } from '@lifeboat/core'

/** The restore profiles that `--profile` knows. */
export const profileNames = ['supabase', 'plain'] as const
export type ProfileName = (typeof profileNames)[number]

/** Loads a profile; its package only then. */
export async function findProfile(name: ProfileName): Promise<RestoreProfile> {
  const { plainProfile, supabaseProfile } = await import('@lifeboat/provider-supabase')
  return name === 'supabase' ? supabaseProfile : plainProfile
}
