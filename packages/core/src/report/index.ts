export { renderReport } from './render-report.js'
export type { ReportModel } from './report-model.js'
