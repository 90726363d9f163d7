import { describe, expect, it } from 'vitest'
import { bytesOf } from '../streams/byte-source.js'
import { memoryStore } from './memory-store.js'
import type { ObjectStore, Removal } from './object-store.js'
import { removeTogether } from './remove-together.js'

async function remove(state: Removal['state'], message: string | null) {
  const inner = memoryStore()
  for (const key of ['a', 'b']) await inner.put(key, bytesOf(key))
  const store: ObjectStore = {
    ...inner,
    async removeForGood(key) {
      if (state !== 'kept') await inner.remove(key)
      return { state, message }
    },
  }
  const events: string[] = []
  const why = await removeTogether(store, ['a', 'b'], {
    ...{ destination: 'offsite', what: 'shop/x', signal: undefined },
    emit: event => void events.push(event.type === 'warning.raised' ? event.message : event.type),
  })
  return { why, events }
}

describe('objects that are removed together', () => {
  it('are removed, and said to be so once, where nobody can tell whether older versions are kept', async () => {
    expect(await remove('removed', 'nobody can tell')).toEqual({
      why: undefined,
      events: ['offsite: nobody can tell', 'object.removed', 'object.removed'],
    })
  })

  it('are reported as left where the place hides or keeps them, and those after one that is kept stay', async () => {
    expect(await remove('hidden', 'hidden')).toEqual({ why: 'hidden; hidden', events: [] })
    expect(await remove('kept', 'locked')).toEqual({ why: 'locked', events: [] })
    expect(await remove('gone', null)).toEqual({ why: undefined, events: ['object.removed', 'object.removed'] })
  })
})
