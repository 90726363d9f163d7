import { describe, expect, it } from 'vitest'
import { namesIn, qualified, renameSchema } from './rename-schema.js'

const moved = new Set([qualified('sales', 'orders'), qualified('sales', 'orders_id_seq'), qualified('Odd.S', 'a "b"')])
const rename = (sql: string) => renameSchema(sql, { moved, to: 'new' })

describe('renameSchema', () => {
  it.each([
    ['CREATE TABLE sales.orders (', 'CREATE TABLE "new".orders ('],
    ['REFERENCES sales.customers(id)', 'REFERENCES sales.customers(id)'],
    ['COPY "Odd.S"."a ""b""" (x) FROM stdin;', 'COPY "new"."a ""b""" (x) FROM stdin;'],
    ['OWNED BY sales.orders.id;', 'OWNED BY "new".orders.id;'],
    ["DEFAULT nextval('sales.orders_id_seq'::regclass)", `DEFAULT nextval('"new".orders_id_seq'::regclass)`],
    ["SELECT pg_catalog.setval('sales.orders_id_seq', 1);", `SELECT pg_catalog.setval('"new".orders_id_seq', 1);`],
    ["DEFAULT 'sales.orders'::text", "DEFAULT 'sales.orders'::text"],
    ["DEFAULT 'it''s sales.orders', sales.orders", `DEFAULT 'it''s sales.orders', "new".orders`],
    ["E'\\' sales.orders', sales.orders", `E'\\' sales.orders', "new".orders`],
    ['-- sales.orders\nsales.orders', '-- sales.orders\n"new".orders'],
    ['/* sales.orders */ sales.orders', '/* sales.orders */ "new".orders'],
    ['AS $_$ select * from sales.orders $_$ sales.orders', 'AS $_$ select * from sales.orders $_$ "new".orders'],
    ['AS $$ sales.orders $$', 'AS $$ sales.orders $$'],
    ['wholesales.orders, sales.orders_old', 'wholesales.orders, sales.orders_old'],
    ['"sales.orders"', '"sales.orders"'],
  ])('%s', (sql, renamed) => {
    expect(rename(sql)).toBe(renamed)
  })

  it('names what a statement would touch', () => {
    expect(namesIn(`ALTER TABLE a."B" SET DEFAULT nextval('c.d'::regclass), note = 'e.f'`)).toEqual(['a\0B', 'c\0d'])
  })
})
