/*
 * Asks a real Next server for the status: the route of docs/status.md, built and started by Next itself. Next is large, so
 * it is fetched into .tools/next by this command only. npx -y pnpm@10 test:next
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('..', import.meta.url))
const folder = join(repository, '.tools', 'next')
const core = join(repository, 'packages', 'core', 'dist')
const run = (command, args) => {
  const ran = spawnSync(command, args, {
    cwd: folder,
    stdio: 'inherit',
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
  })
  if (ran.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${ran.status}`)
}

await mkdir(join(folder, 'app', 'api', 'backup-status'), { recursive: true })
await writeFile(
  join(folder, 'package.json'),
  JSON.stringify({
    private: true,
    type: 'module',
    dependencies: { next: '16.4.6', react: '19.3.1', 'react-dom': '19.3.1' },
  }),
)
run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'])
const page = await readFile(join(repository, 'docs', 'status.md'), 'utf8')
const route = /^```js next\n(.*?)^```$/ms.exec(page)[1]
await writeFile(join(folder, 'app', 'api', 'backup-status', 'route.js'), route)
await writeFile(
  join(folder, 'app', 'layout.js'),
  'export default function Layout({ children }) {\n  return children\n}\n',
)
// The toolkit is loaded as it is built, not packed into Next's bundle.
await writeFile(
  join(folder, 'app', 'backup-status.mjs'),
  `const load = path => import(/* turbopackIgnore: true */ /* webpackIgnore: true */ path)
const opened = (async () => {
  const { memoryStore, openLifeboat, secret } = await load(${JSON.stringify(join(core, 'index.js'))})
  const { createStatusHandler } = await load(${JSON.stringify(join(core, 'status', 'index.js'))})
  const lifeboat = await openLifeboat({ products: { shop: {
    source: { url: secret.env('NOT_HERE') },
    encryption: { passphrase: secret.env('NOT_HERE') },
    destinations: { local: { store: memoryStore() } },
  } } })
  return createStatusHandler(lifeboat, { token: 'of-a-test' })
})()
export const handle = async request => (await opened)(request)
`,
)
const bin = join(folder, 'node_modules', 'next', 'dist', 'bin', 'next')
await rm(join(folder, '.next'), { recursive: true, force: true })
run(process.execPath, [bin, 'build'])

const port = await new Promise(resolve => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    server.close(() => resolve(port))
  })
})
const server = spawn(process.execPath, [bin, 'start', '-H', '127.0.0.1', '-p', String(port)], {
  cwd: folder,
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  await new Promise((resolve, reject) => {
    server.stdout.on('data', said => String(said).includes('Ready') && resolve())
    server.once('exit', status => reject(new Error(`next ended with ${status}`)))
  })
  const ask = (method, headers) => fetch(`http://127.0.0.1:${port}/api/backup-status`, { method, headers })
  const headers = { authorization: 'Bearer of-a-test' }
  const [refused, answered, head] = [await ask('GET'), await ask('GET', headers), await ask('HEAD', headers)]
  const { version, state } = await answered.json()
  const seen = JSON.stringify([refused.status, answered.status, head.status, version, state])
  if (seen !== JSON.stringify([401, 200, 200, 1, 'critical'])) throw new Error(`the route answered ${seen}`)
  process.stdout.write(`next answers: ${seen}\n`)
} finally {
  server.kill()
}
