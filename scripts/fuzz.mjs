// The nightly variant of the fuzz tests: more mutations than `pnpm test` makes, from a seed of its own each time.
// `pnpm fuzz [MUTATIONS] [SEED]`; 24,000 and a random seed by default.
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'

const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const [mutations = '24000', seed = String(randomInt(1_000_000_000))] = process.argv.slice(2)
console.log(`${mutations} mutations; again with: pnpm fuzz ${mutations} ${seed}`)
const { status } = spawnSync(process.execPath, [vitest, 'run', '--project', 'unit', '.fuzz.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, LIFEBOAT_FUZZ_MUTATIONS: mutations, LIFEBOAT_FUZZ_SEED: seed },
})
process.exit(status ?? 1)
