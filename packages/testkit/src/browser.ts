import { execFile } from 'node:child_process'
import { access, mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'

const run = promisify(execFile)
const require = createRequire(import.meta.url)
const unpacked = fileURLToPath(new URL('../../../.tools/chromium', import.meta.url))
const names = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

interface Candidate {
  readonly path: string
  readonly env?: Readonly<Record<string, string>>
}

/** The file of the accessibility engine, to be run inside a page. */
export const axeFile = require.resolve('axe-core/axe.min.js')

/**
 * A headless browser: the one that `LIFEBOAT_TEST_BROWSER` names, npm's (unpacked once into `.tools/chromium`; Linux on
 * x64), or this machine's.
 * @throws when none starts: a test that needs one fails and says how to provide it
 */
export async function launchBrowser(): Promise<Browser> {
  const failures: string[] = []
  for await (const { path, env } of candidates(failures)) {
    try {
      return await chromium.launch({ executablePath: path, args: ['--no-sandbox'], env: { ...process.env, ...env } })
    } catch (error) {
      failures.push(`${path}: ${error instanceof Error ? error.message.split('\n')[0] : error}`)
    }
  }
  throw new Error(
    `no browser starts (${failures.join('; ')}). Provide one: apt-get install chromium-headless-shell (or chromium), or name the program of any Chromium in LIFEBOAT_TEST_BROWSER`,
  )
}

async function* candidates(failures: string[]): AsyncIterable<Candidate> {
  const named = process.env.LIFEBOAT_TEST_BROWSER
  if (named) {
    yield { path: named }
    return
  }
  try {
    const path = await unpackBrowser()
    yield { path }
    // A machine without the libraries or fonts that it needs: npm's package brings them, too.
    yield { path, env: { LD_LIBRARY_PATH: join(unpacked, 'al2023', 'lib'), FONTCONFIG_PATH: join(unpacked, 'fonts') } }
  } catch (error) {
    failures.push(`npm's: ${error instanceof Error ? error.message.split('\n')[0] : error}`)
  }
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of names)
      if (folder !== '' && (await exists(join(folder, name)))) yield { path: join(folder, name) }
  }
}

/** In a process of its own: the package unpacks into the folder for temporary files, and sets the environment. */
async function unpackBrowser(): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('it is for Linux on x64 only')
  await mkdir(unpacked, { recursive: true })
  const script = `import(${JSON.stringify(require.resolve('@sparticuz/chromium'))}).then(async m => console.log(await (m.default.default ?? m.default).executablePath()))`
  // The image's name makes it unpack its libraries as well.
  const env = { ...process.env, TMPDIR: unpacked, CODEBUILD_BUILD_IMAGE: 'nodejs20' }
  const { stdout } = await run(process.execPath, ['-e', script], { env })
  return stdout.trim()
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    // Not there: the next place.
    () => false,
  )
}
