import { expect, it } from 'vitest'
import { nodeIo } from './node-io.js'

it('a terminal that goes away is heard once, so that what it ends cleans up after itself', () => {
  const before = process.listenerCount('SIGHUP')
  let heard = 0
  const stop = nodeIo().onSignal(() => {
    heard += 1
  })
  // The kernel sends it, and the shell sends it again.
  for (let times = 0; times < 3; times++) process.emit('SIGHUP', 'SIGHUP')
  expect(heard).toBe(1)
  stop()
  expect(process.listenerCount('SIGHUP')).toBe(before)
})
