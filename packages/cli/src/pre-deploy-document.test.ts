import { readFile } from 'node:fs/promises'
import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { CliIo } from './cli-io.js'
import { buildProgram } from './program.js'

const documents = ['pre-deploy.md', 'schedule.md']
const read = (name: string) => readFile(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')

describe('the documents on running unattended', () => {
  it.each(documents)('show commands that this program understands: %s', async name => {
    const commands = commandsIn(await read(name))
    expect(commands.length).toBeGreaterThan(2)
    for (const command of commands) expect(await understands(command), command).toBe('')
  })

  it('show a workflow that deploys only what is backed up and proven', async () => {
    const [, yaml] = /```yaml\n([\s\S]*?)```/.exec(await read('pre-deploy.md'))!
    const [document] = parseAllDocuments(yaml!)
    expect(document!.errors).toEqual([])
    const workflow = document!.toJS()
    expect(workflow.jobs.deploy.needs).toBe('backup')
    const steps: { run?: string }[] = workflow.jobs.backup.steps
    const backup = steps.findIndex(({ run }) => run?.startsWith('lifeboat backup'))
    expect(steps[backup]!.run).toMatch(/--prove$/)
    expect(backup).toBe(steps.length - 1)
  })

  it('would notice a command that this program does not understand', async () => {
    expect(await understands('lifeboat backup shop --proof')).toContain('unknown option')
    expect(await understands('lifeboat bakcup')).toContain('unknown command')
  })
})

/** Every line of a block, and every piece of code in the text, that calls this program. */
function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/```(?:sh|yaml)\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.split('\n'))
  const lines = blocks.map(line => line.replace(/^\s*- run: /, '').trim())
  const inline = [...text.matchAll(/`(lifeboat [^`]*)`/g)].map(([, code]) => code!)
  // A name alone is no command line.
  return [...lines, ...inline].filter(line => /^lifeboat \S/.test(line) && line !== 'lifeboat schedule')
}

/** What is wrong with a command line; nothing is run. */
async function understands(command: string): Promise<string> {
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!)
  const named = words.slice(1).map(word => ({ SCHEDULER: 'cron', JOB: 'backup' })[word] ?? word)
  const quiet = { isTTY: false, columns: 100, write: () => {} }
  const io: CliIo = {
    ...{ stdout: quiet, stderr: quiet, stdin: { isTTY: false }, env: {}, cwd: '/' },
    ...{ exit: () => {}, onSignal: () => () => {} },
  }
  let chosen = false
  try {
    await buildProgram(io, () => {
      chosen = true
    }).parseAsync(named, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return error.message
    throw error
  }
  return chosen ? '' : 'nothing was chosen'
}
