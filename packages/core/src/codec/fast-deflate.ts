import { deflateModule } from './deflate-module.js'

/** What the types of Node do not tell of WebAssembly, as far as it is used here. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown }
}

/** What `assembly/deflate/index.ts` exports. */
interface DeflateExports {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly inputAt: { readonly value: number }
  readonly outputAt: { readonly value: number }
  deflate(length: number): number
}

/** The most that {@link fastDeflate} takes at once, in bytes: 1 MiB. */
export const mostFastBytes = 2 ** 20

let exports: DeflateExports | undefined

/**
 * Deflates a block (RFC 1951) on the thread that calls, 1 MiB in one to three milliseconds. The result depends on the
 * block alone (docs/decisions/0050-deflate-of-our-own.md).
 * @param block at most {@link mostFastBytes}
 * @returns bytes that are valid until the next call
 */
export function fastDeflate(block: Uint8Array): Uint8Array {
  exports ??= open()
  if (block.byteLength > mostFastBytes) throw new RangeError(`a block of ${block.byteLength} bytes is too long`)
  const { memory, inputAt, outputAt } = exports
  new Uint8Array(memory.buffer, inputAt.value).set(block)
  const length = exports.deflate(block.byteLength)
  return new Uint8Array(memory.buffer, outputAt.value, length)
}

/** One for each thread: its memory, 3.25 MiB, is filled anew by each call. */
function open(): DeflateExports {
  const module = new WebAssembly.Module(Buffer.from(deflateModule, 'base64'))
  return new WebAssembly.Instance(module, {}).exports as DeflateExports
}
