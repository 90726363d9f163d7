import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Files whose tests talk to a real Postgres or S3 service. */
const needServers = ['packages/**/src/**/*.{pg,s3,e2e}.test.ts', 'packages/provider-s3/src/s3-store.test.ts']

export default defineConfig({
  resolve: {
    // Tests read the sources: nothing has to be built first. The longer names come first, they share a beginning.
    alias: [
      { find: '@lifeboat/core/testing', replacement: at('packages/core/src/testing/index.ts') },
      { find: '@lifeboat/core/scratch', replacement: at('packages/core/src/scratch/index.ts') },
      { find: '@lifeboat/core', replacement: at('packages/core/src/index.ts') },
      { find: '@lifeboat/provider-s3', replacement: at('packages/provider-s3/src/index.ts') },
      { find: '@lifeboat/cli', replacement: at('packages/cli/src/index.ts') },
      { find: /^@lifeboat\/testkit\/(.+)$/, replacement: at('packages/testkit/src/$1.ts') },
    ],
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/**/src/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/dist/**', ...needServers],
          // A guard against a hang, not a claim about speed.
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: needServers,
          // A project's global setup runs only when one of its files does.
          globalSetup: ['packages/testkit/src/global-setup-postgres.ts', 'packages/testkit/src/global-setup-s3.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
