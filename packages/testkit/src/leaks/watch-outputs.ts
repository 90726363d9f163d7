import type * as mails from '../../../core/src/notify/channels/mail-text.js'
import type * as http from '../../../core/src/notify/channels/send-http.js'
import type * as messages from '../../../core/src/notify/channels/send-message.js'
import { writeLine } from './leak-record.js'
import { starterOf } from './starter-of.js'

/** The module with the body of every message over HTTP written down, and what is told of it. */
export function watchHttp(original: typeof http): typeof http {
  return {
    ...original,
    async sendHttp(message, ...rest) {
      writeLine({ kind: 'alert', from: 'sendHttp', text: message.body })
      return noted('sendHttp', await original.sendHttp(message, ...rest))
    },
  }
}

/** The module with every mail written down. */
export function watchMails(original: typeof mails): typeof mails {
  return { ...original, mailText: (...given) => noted('mailText', original.mailText(...given)) }
}

/** The module with what is told of every message written down. */
export function watchMessages(original: typeof messages): typeof messages {
  return { ...original, sendMessage: async (...given) => noted('sendMessage', await original.sendMessage(...given)) }
}

function noted<T>(from: string, value: T): T {
  writeLine({ kind: 'alert', from, text: JSON.stringify(value) })
  return value
}

/** Every answer of our own handlers (status, metrics, health), and every line of the console, from here on. */
export function watchProcess(): void {
  const patched = Symbol.for('@lifeboat/testkit/outputs')
  const place = globalThis as { [patched]?: true }
  if (place[patched]) return
  place[patched] = true
  globalThis.Response = new Proxy(globalThis.Response, {
    construct(target, given: ConstructorParameters<typeof Response>, newTarget) {
      const from = typeof given[0] === 'string' ? starterOf(new Error('here')) : undefined
      if (from !== undefined) writeLine({ kind: 'answer', from, text: String(given[0]) })
      return Reflect.construct(target, given, newTarget)
    },
  })
  for (const name of ['debug', 'error', 'info', 'log', 'warn'] as const) {
    const real = console[name]
    console[name] = (...given: unknown[]) => {
      writeLine({ kind: 'console', from: `console.${name}`, text: given.map(String).join(' ') })
      real.apply(console, given)
    }
  }
}
