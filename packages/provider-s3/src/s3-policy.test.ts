import { describe, expect, it } from 'vitest'
import { settleOptions } from './s3-options.js'
import { s3Policy } from './s3-policy.js'

interface Written {
  readonly Sid: string
  readonly Effect: string
  readonly Action: readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: object
}

const amazon = settleOptions({ bucket: 'shop-dr', prefix: 'lifeboat' })
const plain = { objectLock: false, objects: false, alerts: false }
const statementsOf = (role: 'writer' | 'verifier' | 'pruner', settings = amazon, objectLock = false, more = {}) =>
  (s3Policy(settings, role, 'shop', { ...plain, objectLock, ...more }).document as { Statement: Written[] }).Statement
const allowed = (statements: readonly Written[]) =>
  statements.filter(one => one.Effect === 'Allow').flatMap(one => one.Action)

describe('the policy of a writer', () => {
  it('denies, at Amazon, every request that makes an object of a backup without If-None-Match, and lets parts pass', () => {
    expect(statementsOf('writer').filter(one => one.Effect === 'Deny')).toEqual([
      {
        ...{ Sid: 'NeverWriteOver', Effect: 'Deny', Action: ['s3:PutObject'] },
        Resource: ['arn:aws:s3:::shop-dr/lifeboat/shop/????????T??????Z-??????/*'],
        Condition: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
      },
    ])
  })

  it('leaves the condition out where the service does not know it, and says what that means', () => {
    const minio = settleOptions({ bucket: 'shop-dr', endpoint: 'http://minio:9000' })
    expect(statementsOf('writer', minio).filter(one => one.Effect === 'Deny')).toEqual([])
    expect(s3Policy(minio, 'writer', 'shop', plain).notes).toEqual([expect.stringContaining('MinIO has no condition')])
    expect(s3Policy(amazon, 'writer', 'shop', plain).notes).toEqual([])
  })

  it('deletes nothing but the lock, and locks objects only where the destination does', () => {
    const deleting = statementsOf('writer').filter(one => one.Action.some(action => action.startsWith('s3:Delete')))
    expect(deleting.map(one => one.Resource)).toEqual(['arn:aws:s3:::shop-dr/lifeboat/shop/locks/*'])
    expect(allowed(statementsOf('writer'))).not.toContain('s3:PutObjectRetention')
    expect(allowed(statementsOf('writer', amazon, true))).toEqual(
      expect.arrayContaining(['s3:PutObjectRetention', 's3:PutObjectLegalHold']),
    )
  })
})

describe('the policy of a writer whose copies of objects are locked', () => {
  const top = 'arn:aws:s3:::shop-dr/lifeboat/shop'
  const placesFor = (action: string, objectLock: boolean, objects: boolean) =>
    statementsOf('writer', amazon, objectLock, { objects })
      .filter(one => one.Effect === 'Allow' && one.Action.includes(action))
      .flatMap(one => one.Resource)

  it('sets locks where it writes, and sees those of what it carries on alone', () => {
    expect(placesFor('s3:PutObjectRetention', true, true)).toContain(`${top}/objects/*`)
    expect(placesFor('s3:GetObjectRetention', true, true)).toEqual([`${top}/objects/*/content/*`])
    for (const [objectLock, objects] of [
      [true, false],
      [false, true],
    ] as const)
      expect(placesFor('s3:GetObjectRetention', objectLock, objects)).toEqual([])
    expect(placesFor('s3:PutObjectRetention', false, true)).toEqual([])
  })
})

describe('the policies of all roles', () => {
  it('reach copies of objects and notes of alerts where the product has them, and never write over objects', () => {
    const top = 'arn:aws:s3:::shop-dr/lifeboat/shop'
    const more = { objects: true, alerts: true }
    const placesFor = (role: 'writer' | 'verifier' | 'pruner', action: string) =>
      statementsOf(role, amazon, false, more)
        .filter(one => one.Effect === 'Allow' && one.Action.includes(action))
        .flatMap(one => one.Resource)
    expect(placesFor('writer', 's3:PutObject')).toEqual(expect.arrayContaining([`${top}/objects/*`, `${top}/alerts/*`]))
    expect(placesFor('writer', 's3:DeleteObject')).toEqual([`${top}/locks/*`, `${top}/alerts/*`])
    expect(placesFor('verifier', 's3:PutObject')).not.toContain(`${top}/objects/*`)
    expect(placesFor('verifier', 's3:PutObject')).toContain(`${top}/objects/*/verifications/*`)
    expect(placesFor('pruner', 's3:DeleteObject')).toContain(`${top}/objects/*`)
    const once = statementsOf('writer', amazon, false, more).find(one => one.Sid === 'NeverWriteOver')
    expect(once?.Resource).toContain(`${top}/objects/*`)
    expect(JSON.stringify(statementsOf('writer'))).not.toMatch(/objects|alerts/)
  })

  it.each(['writer', 'verifier', 'pruner'] as const)('%s may pass no lock, and touches no other product', role => {
    const statements = statementsOf(role, amazon, true)
    expect(allowed(statements)).not.toContain('s3:BypassGovernanceRetention')
    const own = /^arn:aws:s3:::shop-dr(\/lifeboat\/(shop\/.*|\.lifeboat-probe-\*))?$/
    for (const { Resource } of statements) for (const one of [Resource].flat()) expect(one).toMatch(own)
  })

  it('only a pruner removes versions, and only a verifier retrieves from an archive', () => {
    expect(allowed(statementsOf('pruner'))).toContain('s3:DeleteObjectVersion')
    for (const role of ['writer', 'verifier'] as const)
      expect(allowed(statementsOf(role))).not.toContain('s3:DeleteObjectVersion')
    expect(allowed(statementsOf('verifier'))).toContain('s3:RestoreObject')
    for (const role of ['writer', 'pruner'] as const)
      expect(allowed(statementsOf(role))).not.toContain('s3:RestoreObject')
  })
})
