import base from './vitest.config.ts'

const s = (base as any).test.projects[1].test
export default {
  ...base,
  test: {
    ...s,
    name: 'eng',
    include: ['packages/core/src/e2e/*.e2e.test.ts'],
    globalSetup: ['packages/testkit/src/global-setup-postgres.ts'],
  },
}
