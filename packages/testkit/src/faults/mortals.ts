import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'
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
  const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
  await build({
    entry: [at('mortal-run.ts')],
    outDir: join(folder, 'mortal'),
    format: 'esm',
    target: 'node20',
    config: false,
    silent: true,
    noExternal: [/.*/],
    external: ['pg-native'],
    // What is bundled may still call require().
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    esbuildOptions: options => {
      options.alias = { '@lifeboat/core': at('../../../core/src/index.ts') }
      options.outExtension = { '.js': '.mjs' }
    },
  })
  const file = join(folder, 'mortal', 'mortal-run.mjs')
  const start = (): Mortal => {
    const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'pipe'] })
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
