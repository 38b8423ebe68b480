import type { Database } from '@titan/payments'
import type postgres from 'postgres'

/** What sends a statement: the pool, or one of its transactions. */
export type Statements = postgres.ISql<{ bigint: number }>

/** The pool, which can begin transactions. */
export type { Database }
