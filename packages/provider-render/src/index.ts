export { type RenderInstance, type RenderProvider, render } from './render.js'
export type { RenderOptions } from './render-options.js'
