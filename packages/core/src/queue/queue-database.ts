import type pg from 'pg'
import { connect, databaseError } from '../postgres/connection.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'

/** Sessions of the queue's database, opened when they are needed and kept for the next. */
export interface QueueDatabase {
  /** `host:port/database`. */
  readonly description: string
  /** A session for a while; one that broke is not used again. @throws BackupError of the database */
  use<T>(work: (client: pg.Client) => Promise<T>): Promise<T>
  /** The same in a transaction. */
  transact<T>(work: (client: pg.Client) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export function queueDatabase(url: string): QueueDatabase {
  const target = parseConnectionUrl(url)
  const idle: pg.Client[] = []
  let closed = false
  const use = async <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
    const client = idle.pop() ?? (await open())
    let sound = true
    try {
      return await work(client)
    } catch (error) {
      const failure = databaseError(error, target)
      sound = failure.code === 'database-refused'
      throw failure
    } finally {
      if (sound && !closed && !gone.has(client)) idle.push(client)
      // It is broken, or nobody wants it any more.
      else client.end().catch(() => {})
    }
  }
  return {
    description: target.description,
    use,
    transact: work =>
      use(async client => {
        await client.query('begin')
        try {
          const result = await work(client)
          await client.query('commit')
          return result
        } catch (error) {
          // A session that is lost has rolled back by itself; the first error is the one to tell.
          await client.query('rollback').catch(() => {})
          throw error
        }
      }),
    async close() {
      closed = true
      // A session that is gone already is closed.
      await Promise.all(idle.splice(0).map(client => client.end().catch(() => {})))
    },
  }

  async function open(): Promise<pg.Client> {
    const client = await connect(target)
    client.once('end', () => {
      gone.add(client)
      const index = idle.indexOf(client)
      if (index >= 0) idle.splice(index, 1)
    })
    return client
  }
}

const gone = new WeakSet<pg.Client>()
