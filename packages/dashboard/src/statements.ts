import { statementsIn } from '@titan/payments'

/** Reads one of the statements of the dashboard. */
export const statement = statementsIn(new URL('../statements/', import.meta.url))
