import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type {} from '../../../testkit/src/provided-postgres.js'
import { compareDatabases, compareDescriptions } from './compare-databases.js'
import { demoDatabaseStatements, loadDemoDatabase } from './demo-database.js'
import { type DatabaseDescription, describeDatabase } from './describe-database.js'

const first = `demo_first_${process.pid}`
const second = `demo_second_${process.pid}`

function urlOf(database: string): string {
  const url = new URL(inject('postgres').url)
  url.pathname = `/${database}`
  return url.href
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

async function administer(...statements: string[]): Promise<void> {
  await withClient(inject('postgres').url, async client => {
    for (const statement of statements) await client.query(statement)
  })
}

interface PlantedDifference {
  readonly what: string
  readonly sql: string
  /** What the comparison must say of it. */
  readonly named: readonly RegExp[]
}

/** Each changes one thing; all of one list are planted in one database together. */
const plantedDifferences: readonly PlantedDifference[] = [
  {
    what: 'a changed row',
    sql: `update order_lines set quantity = quantity + 1 where order_id = 777 and line = 1`,
    named: [/^rows of public\.order_lines: "72000 rows/],
  },
  {
    what: 'a missing row',
    sql: `delete from measurements where id = 5`,
    named: [/^rows of public\.measurements: "5 rows, .* \| "4 rows,/],
  },
  {
    what: 'an empty text where a null was',
    sql: `update documents set body = '' where id = 8`,
    named: [/^rows of public\.documents: /],
  },
  {
    what: 'a missing row of a partition',
    sql: `delete from events where id = 12345`,
    named: [/^rows of public\.events_2025: /],
  },
  {
    what: 'a sequence that is behind',
    sql: `select setval('invoice_number', 1000, false)`,
    named: [/^sequence public\.invoice_number: "at 77000 \(called: f\).* \| "at 1000 /],
  },
  {
    what: 'a changed function',
    sql: `create or replace function audit.note_change() returns trigger language plpgsql as $$ begin return null; end $$`,
    named: [/^function audit\.note_change\(\): /],
  },
  {
    what: 'a missing trigger',
    sql: `drop trigger note_status_change on orders`,
    named: [
      /^trigger public\.orders note_status_change: only in the first$/,
      /^comment trigger note_status_change on public\.orders: only in the first$/,
    ],
  },
  {
    what: 'a changed policy',
    sql: `alter policy no_deletes on sessions using (true)`,
    named: [/^policy public\.sessions no_deletes: /],
  },
  {
    what: 'a missing index',
    sql: `drop index customers_profile`,
    named: [/^index public\.customers_profile: only in the first$/],
  },
  {
    what: 'a missing constraint',
    sql: `alter table products drop constraint price_is_not_negative`,
    named: [/^constraint public\.products price_is_not_negative: only in the first$/],
  },
  {
    what: 'a changed comment in an odd place',
    sql: `comment on column "Odd ""Table"" ☂️ name"."it's ""quoted""" is 'another'`,
    named: [/^comment table column public\."Odd ""Table"" ☂️ name"\."it's ""quoted""": /],
  },
  {
    what: 'one byte of a large object',
    sql: `select lo_put(424242, 524288, '\\x2a')`,
    named: [/^large object 424242: "1048576 bytes, checksum/],
  },
  {
    what: 'a missing large object',
    sql: `select lo_unlink(424243)`,
    named: [/^large object 424243: only in the first$/],
  },
  {
    what: 'a changed view',
    sql: `create or replace view open_orders with (security_barrier) as select id, ''::text as full_name, status, 0::numeric as total from orders where false`,
    named: [/^rows of public\.open_orders: /, /^view definition public\.open_orders: /],
  },
  {
    what: 'an empty materialized view',
    sql: `refresh materialized view revenue_by_month with no data`,
    named: [/^rows of public\.revenue_by_month: only in the first$/, /^materialized view public\.revenue_by_month: /],
  },
  {
    what: 'a column default that is gone',
    sql: `alter table orders alter column invoice drop default`,
    named: [/^column public\.orders\.invoice: /],
  },
]

/** Those that would hide one of the above. */
const morePlantedDifferences: readonly PlantedDifference[] = [
  {
    what: 'a sequence that was called once',
    sql: `select setval('invoice_number', 77000, true)`,
    named: [/^sequence public\.invoice_number: "at 77000 \(called: f\).* \| "at 77000 \(called: t\)/],
  },
  {
    what: 'a disabled trigger',
    sql: `alter table orders disable trigger note_status_change`,
    named: [/^trigger public\.orders note_status_change: /],
  },
  {
    what: 'row security that is off',
    sql: `alter table sessions disable row level security`,
    named: [/^table public\.sessions: /],
  },
  {
    what: 'a renamed enum label',
    sql: `alter type order_status rename value 'packed' to 'boxed'`,
    named: [/^enum public\.order_status: /, /^rows of public\.open_orders: /, /^rows of public\.orders: /],
  },
]

describe('the demo database', () => {
  let before: DatabaseDescription

  beforeAll(async () => {
    await administer(`create database ${first}`, `create database ${second}`)
    await withClient(urlOf(first), loadDemoDatabase)
    await withClient(urlOf(second), loadDemoDatabase)
    before = await describeDatabase(urlOf(first))
  })
  afterAll(async () => {
    await administer(`drop database if exists ${first} with (force)`, `drop database if exists ${second} with (force)`)
  })

  it('is small but real: at least 150,000 rows in more than ten tables', () => {
    const counts = Object.values(before.objects.rows ?? {}).map(text => Number.parseInt(text, 10))
    expect(counts.length).toBeGreaterThan(10)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(150_000)
    expect(counts).toContain(0)
  })

  it('is the same each time it is loaded', async () => {
    expect(
      demoDatabaseStatements.filter(sql => /\b(random|now|clock_timestamp|gen_random_uuid)\s*\(/i.test(sql)),
    ).toEqual([])
    expect(await compareDatabases(urlOf(first), urlOf(second))).toEqual([])
  })

  it('describes itself as plain JSON, which compares equal after a round trip', () => {
    expect(compareDescriptions(before, JSON.parse(JSON.stringify(before)) as DatabaseDescription)).toEqual([])
  })

  it('loads for an owner who is no superuser', async () => {
    const [role, database] = [`demo_owner_${process.pid}`, `demo_owned_${process.pid}`]
    await administer(`create role ${role} login password 'pw'`, `create database ${database} owner ${role}`)
    try {
      const url = new URL(urlOf(database))
      url.username = role
      url.password = 'pw'
      await withClient(url.href, loadDemoDatabase)
      expect(compareDescriptions(before, await describeDatabase(url.href))).toEqual([])
    } finally {
      await administer(`drop database ${database} with (force)`, `drop role ${role}`)
    }
  })

  describe.each([
    ['the first planted differences', plantedDifferences],
    ['more planted differences', morePlantedDifferences],
  ])('with %s', (_, planted) => {
    const copy = `demo_planted_${process.pid}`
    let differences: readonly string[]

    beforeAll(async () => {
      await administer(`create database ${copy} template ${second}`)
      await withClient(urlOf(copy), async client => {
        for (const { sql } of planted) await client.query(sql)
      })
      differences = compareDescriptions(before, await describeDatabase(urlOf(copy)))
    })
    afterAll(async () => {
      await administer(`drop database if exists ${copy} with (force)`)
    })

    it.each(planted)('the comparison finds and names $what', ({ named }) => {
      for (const pattern of named) expect(differences).toContainEqual(expect.stringMatching(pattern))
    })

    it('the comparison says nothing else', () => {
      const expected = planted.flatMap(({ named }) => named)
      expect(differences.filter(line => !expected.some(pattern => pattern.test(line)))).toEqual([])
      expect(differences).toHaveLength(expected.length)
    })
  })
})
