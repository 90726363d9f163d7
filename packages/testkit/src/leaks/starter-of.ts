/** The file of ours that does something; undefined when it is a test's own, whose doings are its own affair. */
export function starterOf({ stack = '' }: Error): string | undefined {
  const frame = stack.split('\n').find(line => /\/packages\/[^/]+\/src\//.test(line) && !line.includes('/leaks/'))
  const file = /\/packages\/([^:)]+)/.exec(frame ?? '')?.[1]
  return file === undefined || /\.test\.ts|^testkit\/|\/testing\//.test(file) ? undefined : file
}
