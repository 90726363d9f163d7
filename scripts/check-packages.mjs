// Packs every package that is published and asks publint and are-the-types-wrong about the tarball.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = name => join(root, 'node_modules/.bin', name)
const folder = mkdtempSync(join(tmpdir(), 'lifeboat-pack-'))
let failed = false

try {
  for (const name of readdirSync(join(root, 'packages'))) {
    const directory = join(root, 'packages', name)
    const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
    if (!manifest.files) continue
    execFileSync('pnpm', ['pack', '--pack-destination', folder], {
      cwd: directory,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const tarball = join(folder, `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`)
    check(`publint ${manifest.name}`, bin('publint'), [tarball, '--strict'])
    check(`attw ${manifest.name}`, bin('attw'), [tarball, '--profile', 'esm-only'])
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0

function check(title, command, args) {
  try {
    execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
    console.log(`ok  ${title}`)
  } catch (error) {
    failed = true
    console.error(`FAILED  ${title}\n${error.stdout}${error.stderr}`)
  }
}
