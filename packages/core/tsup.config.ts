import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'testing/index': 'src/testing/index.ts',
    'http/index': 'src/http/index.ts',
    'notify/index': 'src/notify/index.ts',
    'report/index': 'src/report/index.ts',
    'schedule/index': 'src/schedule/index.ts',
    'queue/index': 'src/queue/index.ts',
    'status/index': 'src/status/index.ts',
    'metrics/index': 'src/metrics/index.ts',
    'scratch/index': 'src/scratch/index.ts',
    'scan-worker': 'src/archive/scan-worker.ts',
    'dump-worker': 'src/dump/dump-worker.ts',
  },
  format: ['esm'],
  target: 'node20',
  clean: true,
})
