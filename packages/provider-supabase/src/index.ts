/** The vendor this package will speak to; its backups, restores and points in time arrive with the package's first release. */
export const vendor = 'supabase'
