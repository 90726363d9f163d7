import type { BackupContents, ContentsEntry, Lifeboat, RestoreOptions, RestorePlan } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { runCli } from '../testing/fake-io.js'
import { samplePlan } from '../testing/samples.js'

const to = 'postgres://admin@db.example.com/copy'
const table = (name: string, schema: string | null = 'sales', kind = 'TABLE'): ContentsEntry => ({ kind, schema, name })
const orders = table('orders')

const plan: RestorePlan = samplePlan({
  part: {
    chosen: [orders],
    required: [{ ...table('new_code()', 'public', 'FUNCTION'), neededBy: orders }],
    reused: [{ ...table('kind', 'sales', 'TYPE'), neededBy: orders }],
    offered: [{ ...table('Customers', 'public'), neededBy: table('orders fk', 'sales', 'FK CONSTRAINT') }],
    intoSchema: 'recovered',
    only: null,
    bytes: 2048,
  },
  skipped: [{ entry: 'FK CONSTRAINT sales.orders fk', reason: 'it names TABLE public.Customers, which is left out' }],
})

const contents: BackupContents = {
  ...{ product: 'shop', id: plan.id, destination: 'local', createdAt: plan.createdAt },
  tables: [
    { ...table('odd "name".x', 'Odd'), rows: 1234, bytes: 2048 },
    { ...table('v\u001b[31m', 'public', 'VIEW'), rows: null, bytes: null },
  ],
  kinds: { TABLE: 1, VIEW: 1, ENCODING: 1 },
  required: [],
  offered: [],
}

function restoring() {
  const restored: RestoreOptions[] = []
  const lifeboat: Partial<Lifeboat> = {
    planRestore: async () => plan,
    restore: async (_name, options) => {
      restored.push(options)
      return { plan, tables: 1, rows: 1234, steps: [], durationMs: 1000 }
    },
    contents: async () => contents,
  }
  return { restored, lifeboat }
}

describe('restore of a part', () => {
  it('shows what comes along, what stays and what is left out, and passes the choice on', async () => {
    const { restored, lifeboat } = restoring()
    const choice = ['--table', 'sales.orders', '--table', '"Odd".*', '--with-referenced', '--into-schema', 'recovered']
    const { status, stderr } = await runCli(['restore', 'latest', '--to', to, '--yes', ...choice], { lifeboat })
    expect(status).toBe(0)
    expect(stderr).toContain('schema    recovered: a copy, live tables are not touched')
    expect(stderr).toContain('  comes along: function public.new_code(), for table orders\n')
    expect(stderr).toContain('  stays as it is in the target: type sales.kind, for table orders\n')
    expect(stderr).toContain(
      '  left out: FK CONSTRAINT sales.orders fk: it names TABLE public.Customers, which is left out\n',
    )
    expect(restored[0]).toMatchObject({
      ...{ tables: ['sales.orders', '"Odd".*'], withReferenced: true, intoSchema: 'recovered', only: undefined },
    })
  })

  it.each([
    ['--schema-only', 'schema', 'definitions, no rows, in'],
    ['--data-only', 'data', '1 table, 1,234 rows in'],
  ] as const)('%s restores only that, and says so', async (flag, only, said) => {
    const { restored, lifeboat } = restoring()
    const part = { ...plan.part!, only }
    const result = async (_name: string, options: RestoreOptions) => {
      await lifeboat.restore!(_name, options)
      return { plan: { ...plan, part }, tables: 1, rows: 1234, steps: [], durationMs: 1000 }
    }
    const argv = ['restore', 'latest', '--to', to, '--yes', flag]
    const { stdout } = await runCli(argv, { lifeboat: { ...lifeboat, restore: result } })
    expect(restored[0]?.only).toBe(only)
    expect(stdout).toContain(said)
  })

  it('refuses both of them, and a restore without a target', async () => {
    const { lifeboat } = restoring()
    const both = await runCli(['restore', 'latest', '--to', to, '--schema-only', '--data-only'], { lifeboat })
    expect(both.status).toBe(2)
    const alone = await runCli(['restore', 'latest', '--to', to, '--with-referenced'], { lifeboat })
    expect({ status: alone.status, stderr: alone.stderr }).toEqual({
      status: 2,
      stderr:
        'error: --with-referenced takes along what chosen tables name, and none was chosen\nhint: choose some: --table sales.orders\n',
    })
    const none = await runCli(['restore', 'latest', '--table', 'x'], { lifeboat })
    expect({ status: none.status, stderr: none.stderr }).toEqual({
      status: 2,
      stderr: "error: required option '--to <target>' not specified\nhint: see: lifeboat restore --help\n",
    })
  })

  it('lists what a backup holds as --table takes it, without a target', async () => {
    const { lifeboat } = restoring()
    const { status, stdout } = await runCli(['restore', 'latest', '--list'], { lifeboat })
    expect(status).toBe(0)
    expect(stdout).toMatch(/^"Odd"."odd ""name"".x" +table +1,234 +2.0 kB$/m)
    expect(stdout).not.toContain('\u001b')
    expect(stdout).toContain('the whole backup has 1 table, 1 view\n')
    expect((await runCli(['restore', 'latest', '--list', '--json'], { lifeboat })).json()).toEqual(contents)
  })
})
