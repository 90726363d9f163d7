/** A folder with `initdb` and `postgres` in it. */
export interface ServerBinaries {
  readonly binFolder: string
  /** Where the binaries' own shared libraries are, when the loader must be told; else null. */
  readonly libFolder: string | null
  readonly major: number
  /** As Postgres writes it: `15.18`. */
  readonly version: string
  readonly origin: 'configured' | 'system' | 'embedded'
}

/** The environment in which the binaries run: nothing of ours leaks in, no `PG*` variable changes what they do. */
export function serverEnvironment(binaries: ServerBinaries): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    LC_ALL: 'C',
    TZ: 'UTC',
    ...(binaries.libFolder === null
      ? {}
      : { LD_LIBRARY_PATH: binaries.libFolder, DYLD_LIBRARY_PATH: binaries.libFolder }),
    // Windows finds no socket library without it.
    ...(process.env.SystemRoot === undefined ? {} : { SystemRoot: process.env.SystemRoot }),
  }
}

/** `name` as a file name of this platform. */
export function executable(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name
}
