/** The operator's pages at /dashboard: see the payments and the queues, and steer them. */
export { createDashboard, type Dashboard } from './dashboard.ts'
export type { DashboardOptions } from './services.ts'
export { dashboardSettings, type DashboardConfig } from './settings.ts'
export { DASHBOARD_PATH } from './web/paths.ts'
export { createAudited, type Audited } from './audit.ts'
export type { Authorize } from './access/access.ts'
export type { KeyGrant } from './access/session.ts'
export { answerStaticFile, createStaticFile, hasTag, type StaticFile } from './web/static-file.ts'
