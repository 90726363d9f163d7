/** One throw-away server for the whole run, of the machine's own major; `url` is its superuser's. */
export interface ProvidedPostgres {
  readonly url: string
  readonly major: number
  readonly password: string
}

declare module 'vitest' {
  interface ProvidedContext {
    /** What `global-setup-postgres.ts` started. */
    postgres: ProvidedPostgres
  }
}
