import type { ObjectStore } from '../store/object-store.js'
import { conditions, keys } from './store-cases/conditions.js'
import { cancellations, failures } from './store-cases/failures.js'
import type { Test } from './store-cases/helpers.js'
import { absences, descriptions, listings } from './store-cases/listings.js'
import { lockExtensions } from './store-cases/locks.js'
import { ranges, roundTrips } from './store-cases/round-trips.js'
import { rules } from './store-cases/rules.js'

/** The two functions the suite needs of a test runner; those of vitest, `node:test`, jest and mocha all fit. */
export interface SuiteRunner {
  describe(name: string, body: () => void): unknown
  /** The third argument is a time limit where the runner takes one there (vitest, jest); others pass over it. */
  it(name: string, body: () => Promise<void>, timeoutMs: number): unknown
}

/** Services on slow shared machines take their time over 1,100 objects. */
const timeoutMs = 300_000

/** The store under test. */
export interface ObjectStoreSubject {
  /** How the tests are titled: `memory`, `s3 on Ceph`. */
  readonly name: string
  /** Makes an empty store; called once per test. Two stores share no objects. */
  readonly makeStore: () => Promise<ObjectStore> | ObjectStore
  /**
   * Makes a store in a place that locks objects, where the service needs another place for that: its tests of locks then
   * run there. Default: `makeStore`.
   */
  readonly makeLockingStore?: (() => Promise<ObjectStore> | ObjectStore) | undefined
  /** Throws when the place holds anything but objects, such as unfinished uploads. Called after every test. */
  readonly assertNoResidue?: ((store: ObjectStore) => Promise<void>) | undefined
}

/**
 * The conformance suite of {@link ObjectStore}: every sentence of its contract as a test. Every store runs it, and
 * every decorator around a store. It asserts with `node:assert/strict` and takes the runner's `describe` and `it`.
 */
export function objectStoreSuite(runner: SuiteRunner, subject: ObjectStoreSubject): void {
  const testIn =
    (make: () => Promise<ObjectStore> | ObjectStore): Test =>
    (name, body) =>
      runner.it(
        name,
        async () => {
          const store = await make()
          await body(store)
          await subject.assertNoResidue?.(store)
        },
        timeoutMs,
      )
  const test = testIn(() => subject.makeStore())

  runner.describe(`object store: ${subject.name}`, () => {
    roundTrips(test)
    ranges(test)
    listings(test)
    descriptions(test)
    absences(test)
    failures(test)
    conditions(test)
    keys(test)
    cancellations(test)
    rules(test)
    lockExtensions(testIn(() => (subject.makeLockingStore ?? subject.makeStore)()))
  })
}
