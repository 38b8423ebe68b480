import { expect, test } from 'vitest'
import { dashboardSettings, type DashboardConfig } from '../src/index.ts'

function load(environment: Readonly<Record<string, string>>): DashboardConfig {
  return dashboardSettings.read({ environment })
}

test('a token of 32 characters is one, a shorter one is refused without being repeated', () => {
  const token = 'the-admin-token-of-the-tests-012'
  expect(load({ DASHBOARD_ADMIN_TOKEN: token })).toEqual({ adminToken: token })
  expect(() => load({ DASHBOARD_ADMIN_TOKEN: 'short-secret' })).toThrow(/at least 32/)
  expect(() => load({ DASHBOARD_ADMIN_TOKEN: 'short-secret' })).not.toThrow(/short-secret/)
})

test('no token and an empty one leave the dashboard read-only', () => {
  expect(load({})).toEqual({ adminToken: undefined })
  expect(load({ DASHBOARD_ADMIN_TOKEN: ' ' })).toEqual({ adminToken: undefined })
})

test.each(['a'.repeat(32), '01'.repeat(20), 'abcdefg'.repeat(5), 'abcdefgh'.repeat(4)])(
  // F246 a long admin token that is easy to guess: refused at the start
  'a long token that is easy to guess is refused without being repeated: %s',
  (token) => {
    expect(() => load({ DASHBOARD_ADMIN_TOKEN: token })).toThrow(/openssl rand -hex 32/)
    expect(() => load({ DASHBOARD_ADMIN_TOKEN: token })).not.toThrow(token)
  },
)
