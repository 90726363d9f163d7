import { type Command, InvalidArgumentError } from 'commander'
import { type Handler, type ServedHandlers, serveHandlers } from './serve-handlers.js'

export interface HealthFlags {
  readonly healthPort?: number
  readonly healthHost: string
}

/** `--health-port` and `--health-host`. */
export function addHealthOptions(command: Command): Command {
  return command
    .option('--health-port <port>', 'answer /healthz there (default: no endpoint)', parsePort)
    .option('--health-host <host>', 'the address to listen on', '127.0.0.1')
}

/** Listens where a port was named. */
export async function serveHealth(
  flags: HealthFlags,
  handlers: Readonly<Record<string, Handler>>,
  say: (words: string) => void,
): Promise<ServedHandlers | undefined> {
  if (flags.healthPort === undefined) return undefined
  const served = await serveHandlers(handlers, { host: flags.healthHost, port: flags.healthPort })
  say(`health at ${served.address}/healthz`)
  return served
}

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('Write a port number, from 0 (any that is free) to 65535.')
}
