import { expect, test } from 'vitest'
import { loadDashboardConfig } from '../src/index.ts'

test('a token of 32 characters is one, a shorter one is refused without being repeated', () => {
  const token = 'k'.repeat(32)
  expect(loadDashboardConfig({ DASHBOARD_ADMIN_TOKEN: token })).toEqual({ adminToken: token })
  expect(() => loadDashboardConfig({ DASHBOARD_ADMIN_TOKEN: 'short-secret' })).toThrow(/at least 32/)
  expect(() => loadDashboardConfig({ DASHBOARD_ADMIN_TOKEN: 'short-secret' })).not.toThrow(/short-secret/)
})

test('no token and an empty one leave the dashboard read-only', () => {
  expect(loadDashboardConfig({})).toEqual({ adminToken: undefined })
  expect(loadDashboardConfig({ DASHBOARD_ADMIN_TOKEN: ' ' })).toEqual({ adminToken: undefined })
})
