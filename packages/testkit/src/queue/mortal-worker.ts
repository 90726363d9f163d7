import { setTimeout as sleep } from 'node:timers/promises'
import { type BackupEvent, directory, isBackupError, type LifeboatConfig, openLifeboat, secret } from '@lifeboat/core'
import { enqueueDue, openQueue, type Perform, performWith, runWorker } from '@lifeboat/core/queue'
import pg from 'pg'
import { withLocks } from '../../../core/src/locks/hold-locks.js'

/** What a worker of these tests is told, in the environment variable `WORKER_ORDER`. */
export interface WorkerOrder {
  readonly queueUrl: string
  /** The database that light jobs write into, and that real backups are made of. */
  readonly databaseUrl: string
  readonly folder: string
  readonly products: number
  /** `light`: a job that takes time and writes one row; `backup`: a whole backup. */
  readonly work: 'light' | 'backup'
  readonly lightMs: number
  readonly leaseMs: number
}

const order: WorkerOrder = JSON.parse(process.env.WORKER_ORDER!)
const names = Array.from({ length: order.products }, (_, index) => `product-${index}`)
const lifeboat = await openLifeboat(configOf(order), { deps: { lockLeaseMs: order.leaseMs } })
const said: string[] = []
const queue = await openQueue(order.queueUrl, {
  ...{ leaseMs: order.leaseMs, retries: 50, retryDelaySeconds: 1, onTrouble: error => said.push(String(error)) },
})
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
process.stdout.write('ready\n')
const end = await runWorker(queue, order.work === 'light' ? light() : await real(), {
  ...{ atOnce: 3, pollMs: 200, lockedAgainMs: 300, stop: stop.signal },
  enqueue: () => enqueueDue(lifeboat, queue, names, new Date()),
  onTrouble: error => said.push(String(error)),
})
await queue.close()
process.stdout.write(`${JSON.stringify({ ...end, said })}\n`)
process.exit()

/** Under the product's lock: looks whether it is done, takes its time, writes its row. As a backup does, made small. */
function light(): Perform {
  const store = directory(order.folder)
  return async ({ product, job, dueAt, attempt }, { signal }) => {
    const startedAt = new Date().toISOString()
    const outcome = (result: 'ok' | 'failed' | 'cancelled', code?: string) => {
      const failures = code
        ? [
            {
              what: 'failed' as const,
              destination: null,
              severity: 'warning' as const,
              code,
              message: code,
              hint: null,
            },
          ]
        : []
      const at = { startedAt, finishedAt: new Date().toISOString(), destinations: null, live: false }
      return { product, job, ...at, result, failures, summary: `attempt ${attempt}` }
    }
    const lock = { product, purpose: 'backup', stores: [{ name: 'place', store }], leaseMs: order.leaseMs } as const
    const client = new pg.Client(order.databaseUrl)
    try {
      return await withLocks({ ...lock, now: () => new Date(), emit: () => {}, signal }, async held => {
        await client.connect()
        await client.query('insert into begun values ($1, $2)', [product, process.pid])
        const done = await client.query('select 1 from effect where product = $1 and due_at = $2', [product, dueAt])
        if (done.rows.length > 0) return outcome('ok')
        await sleep(order.lightMs, undefined, { signal: held })
        await client.query('insert into effect values ($1, $2)', [product, dueAt])
        return outcome('ok')
      })
    } catch (error) {
      if (signal.aborted) return outcome('cancelled')
      return outcome('failed', isBackupError(error) ? error.code : String(error))
    } finally {
      await client.end().catch(() => {})
    }
  }
}

async function real(): Promise<Perform> {
  const client = new pg.Client(order.databaseUrl)
  await client.connect()
  const onEvent = (product: string, { type }: BackupEvent) => {
    if (type === 'backup.started') client.query('insert into begun values ($1, $2)', [product, process.pid])
  }
  return performWith(lifeboat, queue, { now: () => new Date(), onEvent })
}

function configOf({ databaseUrl, folder }: WorkerOrder): LifeboatConfig {
  const product = {
    source: { url: secret.value(databaseUrl), schemas: ['shop'] },
    encryption: { passphrase: secret.value('correct horse battery') },
    destinations: { folder: { store: directory(folder) } },
    // Due on the first of January, and not again while this runs.
    schedule: { backup: '0 0 1 1 *' },
  }
  return { products: Object.fromEntries(names.map(name => [name, product])) }
}
