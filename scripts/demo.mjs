// Builds the packages, makes sure that there is a pg_dump, and runs `lifeboat demo`.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const clientMajor = '17'

/** Runs a child with our terminal; a signal to us goes to it, and its exit status is ours when it failed. */
function run(command, args, env = process.env) {
  return new Promise(resolve => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env })
    // Ctrl-C reaches the child through the terminal; passing it on as well would count as the second one.
    const ignore = () => {}
    const pass = () => child.kill('SIGTERM')
    process.on('SIGINT', ignore)
    process.on('SIGTERM', pass)
    const finish = status => {
      process.off('SIGINT', ignore)
      process.off('SIGTERM', pass)
      resolve(status)
    }
    child.on('error', error => {
      console.error(`error: ${command} could not be started: ${error.message}`)
      finish(1)
    })
    child.on('exit', (status, signal) => finish(status ?? (signal === 'SIGINT' ? 130 : 1)))
  })
}

// turbo looks for pnpm on the PATH, where `npx pnpm@10 demo` puts it; a plain `node scripts/demo.mjs` may have none.
function build() {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1' }
  const hasPnpm = (env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, 'pnpm')))
  if (!hasPnpm) return run('npx', ['-y', 'pnpm@10', 'run', 'build'], env)
  return run(join(root, 'node_modules/.bin/turbo'), ['run', 'build', '--output-logs=errors-only'], env)
}

function hasPgDump() {
  const installed = '/usr/lib/postgresql'
  const majors = existsSync(installed) ? readdirSync(installed).map(major => join(installed, major, 'bin')) : []
  const folders = [process.env.LIFEBOAT_PG_BIN ?? '', process.env.PATH ?? ''].flatMap(path => path.split(delimiter))
  return [...folders.filter(Boolean), ...majors].some(folder => existsSync(join(folder, 'pg_dump')))
}

async function main() {
  const built = await build()
  if (built !== 0) return built
  const env = { ...process.env }
  if (!hasPgDump()) {
    const folder = join(root, `.tools/pg${clientMajor}`)
    const fetched = await run(join(root, 'scripts/get-pgclient.sh'), [clientMajor, folder])
    if (fetched !== 0) {
      console.error(`hint: install pg_dump ${clientMajor} and try again, or name its folder in LIFEBOAT_PG_BIN`)
      return fetched
    }
    env.LIFEBOAT_PG_BIN = join(folder, 'bin')
  }
  return run(process.execPath, [join(root, 'packages/cli/dist/bin.js'), 'demo', ...process.argv.slice(2)], env)
}

process.exitCode = await main()
