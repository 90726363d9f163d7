import { BackupError } from '@lifeboat/core'
import type { OpenQueueOptions, RunQueue } from '@lifeboat/core/queue'
import { Option } from 'commander'
import type { CliIo } from './cli-io.js'
import { UsageError } from './usage-error.js'

/** `--queue env:NAME`, for commands that work with a queue. */
export function queueOption(): Option {
  return new Option('--queue <env:name>', "the variable that holds the address of the queue's Postgres").default(
    'env:LIFEBOAT_QUEUE_URL',
  )
}

/** Opens the queue; pg-boss is loaded only here. Takes no address, which every user of the machine could read. */
export async function openRunQueue(io: CliIo, named: string, options: OpenQueueOptions = {}): Promise<RunQueue> {
  const name = /^env:(\w+)$/.exec(named)?.[1]
  if (name === undefined)
    throw new UsageError(
      '--queue takes the name of a variable, not an address',
      'put the postgres:// address into a variable and name it: --queue env:LIFEBOAT_QUEUE_URL',
    )
  const url = io.env[name]
  if (!url)
    throw new BackupError('secret-missing', `environment variable ${name} is not set`, {
      hint: `set ${name} to the postgres:// address of the database that holds the queue; any database of yours will do`,
    })
  const { openQueue } = await import('@lifeboat/core/queue')
  return openQueue(url, options)
}
