import { parseArgs } from 'node:util'

/** What `pnpm bench` was asked for. */
export interface BenchOptions {
  /** Of the database to build, roughly. */
  readonly sizeBytes: number
  readonly runs: number
  /** An existing database to read instead of building one. */
  readonly source: string | undefined
  /** Measures memory on a narrow and a ten times longer stream instead of time. */
  readonly memory: boolean
  /** Measures a drill against a bare pg_restore instead of exports, checks and restores. */
  readonly drill: boolean
  readonly write: boolean
}

const usage = `pnpm bench [--size 1gb] [--runs 3] [--source postgres://…] [--memory | --drill] [--no-write]

  --size      the database to build, default 1gb
  --runs      each way this often, in turn; the median counts, default 3
  --source    read this database instead of building one
  --memory    peak memory at 1 GB and at 10 GB of dump, instead of times
  --drill     a drill against a bare pg_restore of the same data, with pgbench at scale 50 besides
  --no-write  do not write docs/benchmarks.md`

export function readOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      size: { type: 'string', default: '1gb' },
      runs: { type: 'string', default: '3' },
      source: { type: 'string' },
      memory: { type: 'boolean', default: false },
      drill: { type: 'boolean', default: false },
      'no-write': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(`${usage}\n`)
    process.exit(0)
  }
  const size = /^(\d+(?:\.\d+)?)(mb|gb)$/i.exec(values.size)
  const runs = Number(values.runs)
  if (!size || !Number.isInteger(runs) || runs < 1) {
    process.stderr.write(`${usage}\n`)
    process.exit(2)
  }
  const unit = size[2]!.toLowerCase() === 'gb' ? 2 ** 30 : 2 ** 20
  return {
    sizeBytes: Number(size[1]) * unit,
    runs,
    source: values.source,
    memory: values.memory,
    drill: values.drill,
    write: !values['no-write'],
  }
}
