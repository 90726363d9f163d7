import { chmod, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { HistoryOptions, Lifeboat, ProofRecord, ReportModel } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { runCli } from '../testing/fake-io.js'
import { writePrivateFile } from '../write-private-file.js'

function record(day: number, more: Partial<Extract<ProofRecord, { kind: 'verification' }>> = {}): ProofRecord {
  return {
    ...{ kind: 'verification', product: 'shop', destination: 'local', level: 'content', live: false, ok: true },
    ...{ id: `202611${day}T020000Z-7f3k9q`, at: `2026-11-${day}T05:00:00.000Z`, durationMs: 31_000, checks: [] },
    ...{ backupCreatedAt: `2026-11-${day}T02:00:00.000Z`, storedBytes: 1024 * day, plainBytes: 1, tables: 2 },
    ...{ rows: 1000 + day, storedSha256: [], findings: [], ...more },
  }
}

const finding = { severity: 'critical' as const, code: 'rows-\u001bdiffer', message: 'x', hint: null }
const records = [record(20, { ok: false, findings: [finding, finding] }), record(18), record(19)]

describe('history', () => {
  it('shows the trend as columns, newest first, and as one line for each place', async () => {
    const asked: HistoryOptions[] = []
    const lifeboat: Partial<Lifeboat> = {
      history: async (_product, options = {}) => {
        asked.push(options)
        return records
      },
      objectHistory: async () => [],
    }
    const { status, stdout } = await runCli(['history', 'shop', '--days', '7'], { lifeboat })
    expect(status).toBe(0)
    expect(asked[0]?.since).toEqual(new Date('2026-11-14T12:00:00Z'))
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^WHEN +BACKUP +DESTINATION +CHECK +RESULT +AGE +SIZE +ROWS +CHANGE +TOOK +FINDINGS$/)
    expect(lines[1]).toMatch(
      /^2026-11-20 05:00:00Z {2}shop\/20261120T020000Z-7f3k9q {2}local +content +NOT OK +3 h +20.0 kB +1,020 +\+1 \(0.1 %\) +31.0 s +rows- differ$/,
    )
    expect(lines[2]).toMatch(/^2026-11-19 .* ok /)
    expect(lines.at(-1)).toBe('shop at local: 3 checks, 1 not ok; size 18.0 kB -> 20.0 kB; rows 1,018 -> 1,020')
  })

  it('is the records themselves with --json', async () => {
    const lifeboat: Partial<Lifeboat> = { history: async () => records, objectHistory: async () => [] }
    const ran = await runCli(['history', '--json'], { lifeboat })
    expect((ran.json().records as ProofRecord[]).map(one => one.at.slice(8, 10))).toEqual(['20', '19', '18'])
  })

  it('says what to do when there is nothing', async () => {
    const lifeboat: Partial<Lifeboat> = { history: async () => [], objectHistory: async () => [] }
    const { status, stdout, stderr } = await runCli(['history'], { lifeboat })
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
    expect(stderr).toBe(
      'nothing was verified or drilled in the last 90 days; do it with: lifeboat verify, lifeboat drill\n',
    )
  })
})

const unknown = { objectiveMs: null, measuredMs: null, state: 'none' as const }
const model: ReportModel = {
  ...{ generatedAt: '2026-11-21T12:00:00.000Z', tool: 'lifeboat 0.1.0', since: '2026-08-23T12:00:00.000Z' },
  verdict: 'bad',
  products: [
    {
      ...{ name: 'shop', verdict: 'bad', headline: 'there is no backup', destinations: [], trend: [], drills: [] },
      ...{ drillTrend: [], findings: [], objects: [], notIncluded: [] },
      rpo: { ...unknown, longestGapMs: null },
      rto: { ...unknown, drilledAt: null, recoveryMs: null, estimate: null },
    },
  ],
}
const lifeboat: Partial<Lifeboat> = { report: async () => model }

describe('report', () => {
  it('says it in a line for each product, and writes and opens the page when told to', async () => {
    const opened: string[] = []
    const openPage = async (file: string) => void opened.push(file)
    let page = ''
    let files: string[] = []
    const { status, stdout, cwd } = await runCli(
      ['report', '--html', 'out.html', '--open'],
      { lifeboat, openPage },
      async folder => {
        page = await readFile(join(folder, 'out.html'), 'utf8')
        files = await readdir(folder)
      },
    )
    expect(status).toBe(0)
    expect(stdout).toBe(`shop: act now: there is no backup\nwritten to ${join(cwd, 'out.html')}\n`)
    expect(opened).toEqual([join(cwd, 'out.html')])
    expect(page).toMatch(/^<!doctype html>[\s\S]*1 of 1 product cannot be relied on/)
    expect(files.sort()).toEqual(['lifeboat.config.mjs', 'out.html'])
  })

  it('is for its owner alone, and keeps the mode that somebody gave it', async () => {
    const modes: number[] = []
    await runCli(['report', '--html', 'out.html'], { lifeboat }, async folder => {
      const file = join(folder, 'out.html')
      modes.push((await stat(file)).mode & 0o777)
      await chmod(file, 0o700)
      await writePrivateFile(file, 'anew')
      modes.push((await stat(file)).mode & 0o777)
    })
    expect(modes).toEqual([0o600, 0o700])
  })

  it('is the model with --json', async () => {
    expect((await runCli(['report', '--json'], { lifeboat })).json()).toEqual({ file: null, report: model })
  })

  it('leaves nothing behind where the page cannot be written, and refuses --open without one', async () => {
    let files: string[] = []
    const failed = await runCli(['report', '--html', 'none/out.html'], { lifeboat }, async folder => {
      files = await readdir(folder)
    })
    expect(failed.status).toBe(1)
    expect(failed.stderr).toMatch(/^error: cannot write .*out.html: there is no such folder\nhint: .*\n$/)
    expect(files).toEqual(['lifeboat.config.mjs'])
    expect((await runCli(['report', '--open'], { lifeboat })).status).toBe(2)
  })
})
