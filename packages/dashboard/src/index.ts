/** The operator's pages at /dashboard: see the payments and the queues, and steer them. */
export { createDashboard, type Dashboard, type DashboardOptions } from './dashboard.ts'
export { dashboardSettings, type DashboardConfig } from './settings.ts'
export { DASHBOARD_PATH } from './paths.ts'
export { createAudited, type Audited } from './audit.ts'
export type { Authorize, DashboardEnv, KeyGrant } from './access.ts'
export type { RefusedReport } from './refused-sign-ins.ts'
export type { ObservedQueue } from './queues.ts'
export { answerStaticFile, createStaticFile, hasTag, type StaticFile } from './static-file.ts'
