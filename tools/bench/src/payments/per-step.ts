import { comparedTable } from './compared-table.ts'

/** The stream of the plain design. */
export const STREAM = 'plain:jobs'

/** The consumer group of the plain design. */
export const GROUP = 'workers'

/** The table of the plain design. */
export const TABLE: string = comparedTable('plain_payments')
