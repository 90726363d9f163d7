import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { keepTemporaryFilesInMemory } from './packages/testkit/src/memory-folder.js'

keepTemporaryFilesInMemory()

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Files whose tests talk to a real Postgres. */
const postgres = ['packages/**/src/**/*.{pg,e2e}.test.ts']
/** Files whose tests talk to a real S3 service. They run last: it is fetched and started beside the others. */
const s3 = ['packages/**/src/**/*.s3.test.ts']
/** Looks at what all others have recorded, so it runs after them. */
const faults = ['packages/testkit/src/faults/document.check.test.ts']

/** Looks for the secrets of all these tests in everything that came out of them; `pnpm test` runs it last of all. */
const leaks = ['packages/testkit/src/leaks/leaks.last.test.ts']
/** Writes down what comes out; derives a key once. */
const setup = ['packages/testkit/src/leaks/watch.ts', 'packages/testkit/src/remember-scrypt.ts']

/** Begun first: a long file that begins last keeps one core waiting. Vitest learns that itself, but not for a fresh clone. */
const longest = [
  'testkit/src/examples/examples.s3.test.ts',
  'testkit/src/examples/more-examples.s3.test.ts',
  'testkit/src/drill/drill.e2e.test.ts',
  'testkit/src/faults/killed.e2e.test.ts',
  'testkit/src/drill/killed-drill.e2e.test.ts',
  'core/src/e2e/no-crying-wolf.e2e.test.ts',
  'testkit/src/nights/simulated-nights.test.ts',
  'testkit/src/queue/killed-workers.e2e.test.ts',
  'testkit/src/drill/planted-differences.e2e.test.ts',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      const at = longest.findIndex(name => moduleId.endsWith(name))
      const within = at < 0 ? longest.length : at
      return ['postgres', 'unit', 's3'].indexOf(project.name) * 100 + within
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}

// A guard against a hang, not a claim about speed.
const timeouts = { testTimeout: 300_000, hookTimeout: 300_000 }

export default defineConfig({
  resolve: {
    // Tests read the sources: nothing has to be built first. The longer names come first, they share a beginning.
    alias: [
      { find: '@lifeboat/core/testing', replacement: at('packages/core/src/testing/index.ts') },
      { find: '@lifeboat/core/http', replacement: at('packages/core/src/http/index.ts') },
      { find: '@lifeboat/core/notify', replacement: at('packages/core/src/notify/index.ts') },
      { find: '@lifeboat/core/report', replacement: at('packages/core/src/report/index.ts') },
      { find: '@lifeboat/core/schedule', replacement: at('packages/core/src/schedule/index.ts') },
      { find: '@lifeboat/core/queue', replacement: at('packages/core/src/queue/index.ts') },
      { find: '@lifeboat/core/status', replacement: at('packages/core/src/status/index.ts') },
      { find: '@lifeboat/core/metrics', replacement: at('packages/core/src/metrics/index.ts') },
      { find: '@lifeboat/core/scratch', replacement: at('packages/core/src/scratch/index.ts') },
      { find: '@lifeboat/core', replacement: at('packages/core/src/index.ts') },
      { find: '@lifeboat/provider-s3', replacement: at('packages/provider-s3/src/index.ts') },
      { find: '@lifeboat/provider-supabase', replacement: at('packages/provider-supabase/src/index.ts') },
      { find: '@lifeboat/provider-render', replacement: at('packages/provider-render/src/index.ts') },
      { find: '@lifeboat/cli', replacement: at('packages/cli/src/index.ts') },
      { find: /^@lifeboat\/testkit\/(.+)$/, replacement: at('packages/testkit/src/$1.ts') },
    ],
  },
  test: {
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/**/src/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/dist/**', ...postgres, ...s3, ...faults, ...leaks],
          // These share no state: one process for all of them starts once, not once a file.
          isolate: false,
          setupFiles: setup,
          ...timeouts,
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          include: postgres,
          isolate: false,
          // A project's global setup runs only when one of its files does.
          globalSetup: ['packages/testkit/src/global-setup-postgres.ts'],
          setupFiles: setup,
          ...timeouts,
        },
      },
      {
        extends: true,
        test: {
          name: 's3',
          include: s3,
          globalSetup: ['packages/testkit/src/global-setup-s3.ts'],
          // Isolated: how much memory a test takes is to be seen.
          setupFiles: [...setup, 'packages/testkit/src/await-s3.ts'],
          ...timeouts,
        },
      },
      { extends: true, test: { name: 'faults', include: faults } },
      { extends: true, test: { name: 'leaks', include: leaks } },
    ],
  },
})
