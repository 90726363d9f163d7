import type { CliIo, Prompts } from './cli-io.js'

/** Questions on the terminal: asked on stderr, so that stdout stays the answer. Loaded when there is one to ask. */
export function terminalPrompts(io: CliIo, signal: AbortSignal): Prompts {
  const place = { input: io.stdin.stream, output: io.stderr.stream, signal }
  return {
    async confirm(message) {
      const { confirm, isCancel } = await import('@clack/prompts')
      const answer = await confirm({ message, initialValue: false, ...place })
      return isCancel(answer) ? undefined : answer
    },
    async text(message) {
      const { isCancel, text } = await import('@clack/prompts')
      const answer = await text({ message, ...place })
      return isCancel(answer) ? undefined : (answer ?? '')
    },
    async secret(message) {
      const { isCancel, password } = await import('@clack/prompts')
      const answer = await password({ message, ...place })
      return isCancel(answer) ? undefined : (answer ?? '')
    },
  }
}

/** Whether there is a person who can be asked. */
export function canAsk(io: CliIo): boolean {
  return io.prompts !== undefined || (io.stdin.isTTY && io.stderr.isTTY)
}
