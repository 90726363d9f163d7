import { describe, expect, it } from 'vitest'
import { parseTablePattern } from './table-pattern.js'

describe('parseTablePattern', () => {
  it.each([
    ['sales.orders', 'sales', 'orders', true],
    ['sales.orders', 'sales', 'orders_old', false],
    ['SALES.Orders', 'sales', 'orders', true],
    ['sales.orders', 'sales', 'Orders', false],
    ['"Sales"."Orders"', 'Sales', 'Orders', true],
    ['orders', 'anywhere', 'orders', true],
    ['sales.*', 'sales', 'line\nbreak', true],
    ['sales.*', 'salesx', 'orders', false],
    ['*.order?', 'x', 'orders', true],
    ['*.order?', 'x', 'order', false],
    ['sales."a.b*"', 'sales', 'a.b*', true],
    ['sales."a.b*"', 'sales', 'a.bc', false],
    ['sales."odd ""name"" 🚀"', 'sales', 'odd "name" 🚀', true],
    ['sales.a+(b)', 'sales', 'a+(b)', true],
    ['sales.?', 'sales', '🚀', true],
  ])('%s and %s.%s: %s', (pattern, schema, table, matches) => {
    expect(parseTablePattern(pattern).matches(schema, table)).toBe(matches)
  })

  it.each(['', '.', 'a.', '.a', 'a.b.c', '"open', '""'])('refuses %j', pattern => {
    expect(() => parseTablePattern(pattern)).toThrow(expect.objectContaining({ code: 'selection-invalid' }))
  })
})
