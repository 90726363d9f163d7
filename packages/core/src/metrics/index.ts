export { createMetricsHandler, type MetricsHandlerOptions } from './metrics-handler.js'
export { queueMetrics } from './queue-metrics.js'
export { type MetricsSource, renderMetrics } from './render-metrics.js'
export { writeTextfile } from './write-textfile.js'
