import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { openRig, signIn, type Rig } from './support/rig.ts'

let rig: Rig
beforeAll(async () => {
  rig = await openRig({ databaseUrl: inject('databaseUrl'), redisUrl: inject('redisUrl') })
})
afterAll(() => rig.close())

const BROKEN = [
  ['multipart without its boundary', 'multipart/form-data', 'name=Ada'],
  [
    'multipart that ends early',
    'multipart/form-data; boundary=x',
    '--x\r\nContent-Disposition: form-data; name="a"',
  ],
  ['multipart that is none', 'multipart/form-data; boundary=x', 'name=Ada'],
] as const

describe('a form that cannot be read', () => {
  // F106 a form of the dashboard that cannot be read: 400 and no line of the log
  it.each(BROKEN)('is the fault of who sent it: %s', async (_case, type, body) => {
    const cookie = await signIn(rig)
    for (const path of ['/sign-in', '/queues/payments/pause', '/payments/pay_1/resolve']) {
      const headers = { cookie, origin: rig.url, 'sec-fetch-site': 'same-origin', 'content-type': type }
      const response = await rig.request(path, { method: 'POST', headers, body })
      expect(response.status, path).toBe(400)
      expect(await response.text()).toContain('The form could not be read')
    }
    expect(rig.errors).toEqual([])
  })
})
