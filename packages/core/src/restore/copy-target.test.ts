import { describe, expect, it } from 'vitest'
import type { ArchiveEntry } from '../archive/archive-header.js'
import { copyTarget, loadsItself } from './copy-target.js'

describe('copyTarget', () => {
  it.each([
    ['COPY public.orders (id, note) FROM stdin;\n', 'public', 'orders', 'public.orders'],
    ['COPY public."select" (id) FROM stdin;\n', 'public', 'select', 'public."select"'],
    [
      'COPY "My ""odd"" schema"."a.b (c)" (id) FROM stdin;\n',
      'My "odd" schema',
      'a.b (c)',
      '"My ""odd"" schema"."a.b (c)"',
    ],
    ['COPY public."two\nlines" ("x y") FROM stdin;\n', 'public', 'two\nlines', 'public."two\nlines"'],
    ['COPY public.größe (id) FROM stdin;\n', 'public', 'größe', 'public.größe'],
    ['COPY public.empty  FROM stdin;\n', 'public', 'empty', 'public.empty'],
  ])('reads %j', (statement, schema, name, quoted) => {
    expect(copyTarget(statement)).toEqual({ schema, name, quoted })
  })

  it.each(['', 'INSERT INTO a.b', 'COPY  (id) FROM stdin', 'COPY orders (id) FROM stdin', 'COPY a."b (id) FROM stdin'])(
    'refuses %j',
    statement => {
      expect(() => copyTarget(statement)).toThrow(expect.objectContaining({ code: 'archive-invalid' }))
    },
  )
})

describe('loadsItself', () => {
  const entry = (more: Partial<ArchiveEntry>) =>
    ({
      namespace: 'public',
      tag: 'Orders',
      copyStatement: 'COPY public."Orders" (id) FROM stdin;\n',
      ...more,
    }) as ArchiveEntry

  it('tells a table that loads itself from a partition that loads through its root', () => {
    expect(loadsItself(entry({}))).toBe(true)
    expect(loadsItself(entry({ tag: 'Orders_2026' }))).toBe(false)
    expect(loadsItself(entry({ copyStatement: '' }))).toBe(false)
  })
})
