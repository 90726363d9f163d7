export { drillServerSettings } from './drill-server-settings.js'
export { type ScratchServer, type ScratchServerOptions, startScratchServer } from './start-scratch-server.js'
