import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import ts from 'typescript'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startOrphanGuard } from './orphan-guard.js'

describe('startOrphanGuard', { timeout: 30_000 }, () => {
  let folder: string
  let cluster: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-guard-test-'))
    cluster = join(folder, 'server', 'cluster')
    await mkdir(cluster, { recursive: true })
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('stops the server and removes its folder when the parent is killed', async () => {
    const standIn = spawn('sleep', ['60'], { stdio: 'ignore' })
    const ended = once(standIn, 'exit')
    await writeFile(join(cluster, 'postmaster.pid'), `${standIn.pid}\n${cluster}\n`)
    // A process of its own, so that it can be killed; Node 20 runs no TypeScript.
    const source = await readFile(new URL('./orphan-guard.ts', import.meta.url), 'utf8')
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    })
    const program = join(folder, 'parent.mjs')
    const call = `startOrphanGuard(${JSON.stringify(cluster)}, [${JSON.stringify(join(folder, 'server'))}])`
    await writeFile(program, `${outputText}\n${call}\nsetTimeout(() => process.kill(process.pid, 'SIGKILL'), 200)\n`)
    const [, parentSignal] = await once(spawn(process.execPath, [program], { stdio: 'ignore' }), 'exit')
    expect(parentSignal).toBe('SIGKILL')

    const [, signal] = await ended
    expect(signal).toBe('SIGQUIT')
    for (let tries = 0; existsSync(join(folder, 'server')) && tries < 100; tries += 1) await sleep(50)
    expect(existsSync(join(folder, 'server'))).toBe(false)
  })

  it('does nothing once it is dismissed', async () => {
    const guard = startOrphanGuard(cluster, [join(folder, 'server')])
    await guard.dismiss()
    await guard.dismiss()
    await sleep(100)
    expect(existsSync(cluster)).toBe(true)
  })
})
