import { OWN_ATTEMPTS_BREACHES } from './own-attempt-breaches.ts'
import type { OwnBreach } from './own-breach.ts'
import { OWN_COLUMN_BREACHES } from './own-column-breaches.ts'
import { OWN_HISTORY_BREACHES } from './own-history-breaches.ts'
import { OWN_LIFE_BREACHES } from './own-life-breaches.ts'
import { OWN_MONEY_BREACHES } from './own-money-breaches.ts'
import { OWN_MOVEMENT_BREACHES } from './own-movement-breaches.ts'
import { OWN_REQUESTS_BREACHES } from './own-request-breaches.ts'

/** The breaches that our own books show. Each branch of each check needs one. */
export const OWN_BREACHES: readonly OwnBreach[] = [
  ...OWN_MONEY_BREACHES,
  ...OWN_LIFE_BREACHES,
  ...OWN_ATTEMPTS_BREACHES,
  ...OWN_COLUMN_BREACHES,
  ...OWN_HISTORY_BREACHES,
  ...OWN_REQUESTS_BREACHES,
  ...OWN_MOVEMENT_BREACHES,
]
