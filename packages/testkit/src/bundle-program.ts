import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'tsup'

const run = promisify(execFile)

/**
 * Starts a bundled program. Its compiled form is kept beside it, which takes a quarter off each start; and it is told that
 * this is Node, as `pg` asks a global that Node 20 does not have, and loads all of `fetch` to find out otherwise.
 */
const starter = `
const fs = require('node:fs')
const vm = require('node:vm')
globalThis.navigator ??= { userAgent: 'Node.js' }
const [file, keep] = process.argv.slice(2)
const cache = file + '.compiled'
const cachedData = fs.existsSync(cache) ? fs.readFileSync(cache) : undefined
const source = '(function (module, exports, require, __filename, __dirname) {' + fs.readFileSync(file, 'utf8') + '\\n})'
const script = new vm.Script(source, { filename: file, cachedData })
const program = { exports: {} }
script.runInThisContext()(program, program.exports, require('node:module').createRequire(file), file, __dirname)
if (keep) fs.writeFileSync(cache, script.createCachedData())
else program.exports.main()
`

/**
 * Bundles a module of this package that exports `main`, with the sources that it uses, for tests that start it very often.
 * Gives the arguments of `node`.
 */
export async function bundleProgram(entry: string, outDir: string): Promise<readonly string[]> {
  await build({
    ...{ entry: [entry], outDir, format: 'cjs', target: 'node20', config: false, silent: true, splitting: false },
    ...{ noExternal: [/.*/], external: ['pg-native'], shims: true },
    esbuildOptions: options => {
      options.alias = { '@lifeboat/core': fileURLToPath(new URL('../../core/src/index.ts', import.meta.url)) }
      options.outExtension = { '.js': '.cjs' }
    },
  })
  const start = join(outDir, 'start.cjs')
  await writeFile(start, starter)
  const program = [start, join(outDir, basename(entry).replace(/\.ts$/, '.cjs'))]
  await run(process.execPath, [...program, '--keep-compiled'])
  return program
}
