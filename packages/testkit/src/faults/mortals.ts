import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleProgram } from '../bundle-program.js'
import type { MortalOrder } from './mortal-run.js'

/** How a mortal process ended: killed, or at its end after so many moments. */
export type MortalEnd = { readonly killed: true } | { readonly killed: false; readonly moments: number }

interface Mortal {
  readonly child: ChildProcess
  readonly said: () => string
  readonly ended: Promise<void>
}

/** Processes that die on demand, one of them always started ahead. */
export interface Mortals {
  run(order: MortalOrder): Promise<MortalEnd>
  close(): Promise<void>
}

/** Bundles `mortal-run.ts` with the sources that it uses, and keeps processes of it ready. */
export async function startMortals(folder: string): Promise<Mortals> {
  const entry = fileURLToPath(new URL('mortal-run.ts', import.meta.url))
  const program = await bundleProgram(entry, join(folder, 'mortal'))
  const start = (): Mortal => {
    const child = spawn(process.execPath, program, { stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
    return { child, said: () => said, ended: new Promise(resolve => void child.once('close', () => resolve())) }
  }
  let ready = start()
  return {
    async run(order) {
      const { child, said, ended } = ready
      ready = start()
      child.stdin?.end(`${JSON.stringify(order)}\n`)
      await ended
      if (child.signalCode === 'SIGKILL') return { killed: true }
      const moments = /^done (\d+)$/m.exec(said())?.[1]
      if (moments === undefined) throw new Error(`the ${order.work} failed by itself: ${said()}`)
      return { killed: false, moments: Number(moments) }
    },
    async close() {
      ready.child.kill('SIGKILL')
      await ready.ended
    },
  }
}
