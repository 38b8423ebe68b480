/** The operator's pages at /dashboard: see the payments and the queues, and steer them. */
export { createDashboard, type Dashboard, type DashboardOptions } from './dashboard.ts'
export { loadDashboardConfig, type DashboardConfig } from './config.ts'
export { DASHBOARD_PATH } from './paths.ts'
export type { Authorize, DashboardEnv } from './access.ts'
export type { ObservedQueue } from './queues.ts'
