import { execFile, spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const repository = fileURLToPath(new URL('../../../', import.meta.url))
const folder = join(repository, '.tools', 'promtool')

/**
 * Prometheus' own checker: the one that `LIFEBOAT_TEST_PROMTOOL` names, else Debian's, fetched once into
 * `.tools/promtool` of the repository.
 * @throws Error that says how to give another one
 */
export async function findPromtool(): Promise<string> {
  const named = process.env.LIFEBOAT_TEST_PROMTOOL
  if (named) return named
  const promtool = join(folder, 'bin', 'promtool')
  try {
    await access(promtool)
  } catch {
    try {
      await run(join(repository, 'scripts', 'get-promtool.sh'), [folder])
    } catch (error) {
      throw new Error('there is no promtool to check the rules with; name one in LIFEBOAT_TEST_PROMTOOL', {
        cause: error,
      })
    }
  }
  return promtool
}

/** What promtool says, on both streams, and how it ends. */
export async function runPromtool(
  args: readonly string[],
  stdin = '',
): Promise<{ readonly status: number | null; readonly said: string }> {
  const child = spawn(await findPromtool(), args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  child.stdin.end(stdin)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', status => resolve({ status, said }))
  })
}
