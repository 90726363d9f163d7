export { type ScratchServer, type ScratchServerOptions, startScratchServer } from './start-scratch-server.js'
