// Compiles assembly/deflate to WebAssembly and keeps it in src/codec/deflate-module.ts, so that neither a build nor a
// bundler has to know about it. With --check it only tells, by its exit status, whether what is kept is current.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const here = name => fileURLToPath(new URL(name, import.meta.url))
const kept = here('../src/codec/deflate-module.ts')

const compiled = {}
const { error, stderr } = await asc.main(
  // 52 pages of 64 KiB: the memory that deflate/memory-map.ts lays out.
  [
    'deflate/index.ts',
    '--outFile',
    'out.wasm',
    '-O3',
    '--runtime',
    'stub',
    '--initialMemory',
    '52',
    '--baseDir',
    here('.'),
  ],
  { writeFile: (name, bytes) => Object.assign(compiled, { [name]: bytes }) },
)
if (error) throw new Error(`${error.message}\n${stderr}`)

const text = `// Made from assembly/deflate by \`pnpm --filter @lifeboat/core generate\`: not to be edited.

/** WebAssembly, in base64. */
export const deflateModule =
  '${Buffer.from(compiled['out.wasm']).toString('base64')}'
`
if (!process.argv.includes('--check')) await writeFile(kept, text)
else if ((await readFile(kept, 'utf8')) !== text) {
  process.stderr.write(
    'src/codec/deflate-module.ts is not what assembly/deflate makes: run `pnpm --filter @lifeboat/core generate`\n',
  )
  process.exitCode = 1
}
